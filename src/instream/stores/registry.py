"""Stores by the scheme of their URL, imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from pydantic import ValidationError

from instream.errors import SettingsInvalid
from instream.flow.clock import SYSTEM, Clock
from instream.secrets import redact_url
from instream.stores.backend import Backend
from instream.stores.cache import Cache, default_cache
from instream.stores.store import Store

SCHEMES: Mapping[str, str] = {
    "file": "instream.stores.directory",
    "memory": "instream.stores.memory",
    "sqlite": "instream.stores.sqlite",
}


def open_store(url: str, *, folder: Path = Path(), cache: Cache | None = None, clock: Clock = SYSTEM) -> Store:
    """Open the store that a URL names.

    Args:
        url: `sqlite:///models.db`, `sqlite:////var/lib/models.db`, `file:///folder`, `memory://NAME`; options follow as `?busy_ms=60000`.
        folder: where a relative path starts.
        cache: by default the one that this machine's processes share.
    Raises:
        SettingsInvalid: unknown scheme or option.
        StoreError: the database cannot be opened, or is not a model store.
    """
    return Store(_backend(url, folder), cache or default_cache(), clock)


def _backend(url: str, folder: Path) -> Backend:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise SettingsInvalid(f"store {redact_url(url)}: unknown scheme; expected one of {known}, such as sqlite:///models.db")
    where, _, query = rest.partition("?")
    module = importlib.import_module(SCHEMES[scheme])
    try:
        backend: Backend = module.backend_of(where, dict(parse_qsl(query, keep_blank_values=True)), folder)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise SettingsInvalid(f"store {redact_url(url)}: {faults}") from error
    return backend
