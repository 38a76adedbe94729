"""Which store is meant when nobody names one."""

from __future__ import annotations

import os

VARIABLE = "INSTREAM_STORE"
DEFAULT = "sqlite:///instream.db"


def store_url(given: str | None) -> str:
    """The URL that was given, else the variable INSTREAM_STORE, else a file here."""
    return given or os.environ.get(VARIABLE) or DEFAULT
