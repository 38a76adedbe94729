"""Every check, in the order in which a person would look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from instream.check.ends import check_ends
from instream.check.engine import check_engine
from instream.check.finding import Finding, Level, error, guarded, ok
from instream.check.model import check_memory, check_store
from instream.check.records import check_records
from instream.check.written import check_delivery, check_secrets
from instream.errors import SettingsInvalid
from instream.settings import Pipeline, load

_CHECKS = (
    ("secrets", check_secrets),
    ("delivery", check_delivery),
    ("engine", check_engine),
    ("ends", check_ends),
    ("store", check_store),
    ("memory", check_memory),
)


def check(path: Path, overrides: Iterable[str] = ()) -> Iterator[Finding]:
    """Look at everything that can be seen without running; nothing is written or committed.

    Args:
        overrides: `section.key=value` each, as of `instream run --set`.
    """
    try:
        settings = load(path, overrides)
    except SettingsInvalid as refused:
        yield error("file", str(refused), "correct the file; the rest was not looked at")
        return
    yield ok("file", f"{path} is a pipeline file: {settings.name}")
    yield from check_settings(settings)


def check_settings(settings: Pipeline) -> Iterator[Finding]:
    """All but the file; records only where all they need is there."""
    broken = False
    for part, look in _CHECKS:
        for finding in guarded(part, look, settings):
            broken |= finding.level is Level.ERROR
            yield finding
    if not broken:
        yield from guarded("records", check_records, settings)
