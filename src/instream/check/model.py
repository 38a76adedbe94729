"""The store, the model, its feature step and its memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instream.check.finding import Finding, error, ok, warning
from instream.live.memory import need_of
from instream.package import Package
from instream.secrets import redact_url, resolve
from instream.settings import Pipeline
from instream.stores import Store, open_store
from instream.stores import resolve as resolve_version

_CGROUP = Path("/sys/fs/cgroup/memory.max")
_MEMINFO = Path("/proc/meminfo")
_WORKER_BYTES = 200 << 20
"""A worker with a small model: interpreter, Arrow, scoring library, client; 180 to 210 MB resident were seen."""


def check_store(settings: Pipeline) -> Iterator[Finding]:
    """Is the store there, and does it know the model?"""
    with_store = store_of(settings)
    name, version = resolve_version(with_store, settings.model.name)
    yield ok("store", f"{redact_url(settings.model.store)} knows {', '.join(with_store.names()[:10])}")
    how = "pinned" if "@" in settings.model.name else f"the head, revision {with_store.head(name).revision}"
    yield ok("model", f"{name}@{version} ({how})")


def store_of(settings: Pipeline) -> Store:
    return open_store(resolve(settings.model.store, settings.folder), folder=settings.folder, create=False)


def package_of(settings: Pipeline) -> Package:
    """The package that the pipeline would begin with, its digests checked."""
    store = store_of(settings)
    return store.open(*resolve_version(store, settings.model.name))


def check_memory(settings: Pipeline) -> Iterator[Finding]:
    """Model times workers, with a swap under way: the old version serves while the new one loads."""
    need = need_of(package_of(settings), int(settings.limits.cache))
    limit, workers = int(settings.limits.memory), settings.engine.workers
    swap = need.held + need.peak
    if need.peak > limit:
        fix = f'limits.memory = "{_mib(need.peak)}MiB" or more'
        yield error("memory", f"loading the model takes about {_mib(need.peak):,} MiB, limits.memory is {_mib(limit):,}", fix)
    elif swap > limit:
        fix = f'limits.memory = "{_mib(swap)}MiB", or new versions as large as this one are refused'
        yield warning("memory", f"a swap takes about {_mib(swap):,} MiB, limits.memory is {_mib(limit):,}", fix)
    whole = workers * (swap + int(settings.limits.bytes) + _WORKER_BYTES)
    said = f"about {_mib(whole // workers):,} MiB a worker with a swap under way, {_mib(whole):,} in all"
    machine = machine_bytes()
    if machine is None:
        yield ok("memory", said)
    elif whole > machine:
        yield error("memory", f"{said}: more than this machine's {_mib(machine):,} MiB", "fewer workers, a smaller limits.bytes or model")
    else:
        yield ok("memory", f"{said}, of {_mib(machine):,} MiB here")


def machine_bytes() -> int | None:
    """Memory that this process could have: of the machine, or of the container where that is less."""
    found = []
    if _MEMINFO.is_file():
        found.append(int(_MEMINFO.read_text().split("MemTotal:")[1].split()[0]) << 10)
    if _CGROUP.is_file() and (text := _CGROUP.read_text().strip()).isdecimal():
        found.append(int(text))
    return min(found, default=None)


def _mib(count: int) -> int:
    return -(-count // (1 << 20))
