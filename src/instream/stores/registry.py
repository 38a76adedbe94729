"""Stores by the scheme of their URL, imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qsl

from pydantic import ValidationError

from instream.errors import MissingExtra, SettingsInvalid
from instream.flow.clock import SYSTEM, Clock
from instream.secrets import redact_url
from instream.stores.backend import Backend
from instream.stores.cache import Cache, default_cache
from instream.stores.store import Store

SCHEMES: Mapping[str, str] = {
    "cassandra": "instream.stores.cassandra",
    "file": "instream.stores.directory",
    "memory": "instream.stores.memory",
    "postgresql": "instream.stores.postgresql",
    "sqlite": "instream.stores.sqlite",
}
EXTRAS: Mapping[str, str] = {"cassandra": "cassandra", "postgresql": "postgresql"}


def open_store(url: str, *, folder: Path = Path(), cache: Cache | None = None, clock: Clock = SYSTEM, create: bool = True) -> Store:
    """Open the store that a URL names.

    Args:
        url: `sqlite:///models.db`, `sqlite:////var/lib/models.db`, `file:///folder`, `memory://NAME`,
            `postgresql://user:password@host/database`, `cassandra://user:password@host/keyspace`; options follow as `?busy_ms=60000`.
        folder: where a relative path starts.
        cache: by default the one that this machine's processes share.
        create: make it where it is absent; as `?create=false` in the URL.
    Raises:
        SettingsInvalid: unknown scheme or option.
        MissingExtra: the database's driver is not installed.
        StoreError: the database cannot be opened, or is not a model store.
    """
    return Store(_backend(url, folder, create), cache or default_cache(), clock)


def open_for_publishing(url: str, *, folder: Path = Path()) -> Store:
    """The same for who publishes: a file or a folder is made where it is absent, a database's tables only by `instream store init`."""
    return open_store(url, folder=folder, create=url.partition("://")[0] not in EXTRAS)


def schema_of(url: str) -> str:
    """The schema that this instream makes stores of such a URL with; "" where there is none."""
    return str(_module(url.partition("://")[0]).SCHEMA)


def _backend(url: str, folder: Path, create: bool) -> Backend:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise SettingsInvalid(f"store {redact_url(url)}: unknown scheme; expected one of {known}, such as sqlite:///models.db")
    where, _, query = rest.partition("?")
    module = _module(scheme)
    options = dict(parse_qsl(query, keep_blank_values=True)) | ({} if create else {"create": "false"})
    try:
        backend: Backend = module.backend_of(where, options, folder)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        # without the options: somebody may have put a password there
        raise SettingsInvalid(f"store {redact_url(f'{scheme}://{where}')}: {faults}") from error
    return backend


def _module(scheme: str) -> ModuleType:
    try:
        return importlib.import_module(SCHEMES[scheme])
    except ImportError as error:
        if scheme not in EXTRAS:
            raise
        raise MissingExtra(f"a store at {scheme}://", EXTRAS[scheme]) from error
