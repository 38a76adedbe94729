"""Which request a method and a path are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_NAME = r"(?P<name>[^/:]+)"
_VERSION = r"(?:/versions/(?P<version>[^/:]+)|/labels/(?P<label>[^/:]+))?"

_ROUTES = tuple(
    (method, re.compile(pattern), action)
    for method, pattern, action in (
        ("POST", rf"/v2/models/{_NAME}{_VERSION}/infer", "infer"),
        ("POST", rf"/v1/models/{_NAME}{_VERSION}:predict", "predict"),
        ("GET", r"/v2/?", "server"),
        ("GET", r"/v2/health/live", "live"),
        ("GET", r"/v2/health/ready", "ready"),
        ("GET", rf"/v2/models/{_NAME}{_VERSION}/ready", "model_ready"),
        ("GET", rf"/v2/models/{_NAME}{_VERSION}", "model"),
        ("GET", rf"/v1/models/{_NAME}{_VERSION}/metadata", "tf_metadata"),
        ("GET", rf"/v1/models/{_NAME}{_VERSION}", "tf_status"),
        ("GET", rf"/instream/models/{_NAME}{_VERSION}", "about"),
        ("GET", r"/metrics", "metrics"),
    )
)


class Route(NamedTuple):
    """What is asked, and the reference of the model that it is about; empty where it is about none."""

    action: str
    model: str


@lru_cache(1024)
def route(method: str, path: str) -> Route:
    """The route of a request; the action is `absent` or `method` where there is none."""
    other_method = False
    for known, pattern, action in _ROUTES:
        found = pattern.fullmatch(path)
        if found and known == method:
            return Route(action, _model(found))
        other_method |= found is not None
    return Route("method" if other_method else "absent", "")


def reference(name: str, version: str) -> str:
    """A name and a version or label, which may be empty, as a reference."""
    return f"{name}@{version}" if version else name


def _model(found: re.Match[str]) -> str:
    parts = found.groupdict()
    return reference(parts["name"], parts.get("version") or parts.get("label") or "") if "name" in parts else ""
