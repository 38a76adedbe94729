"""Where a group without positions begins: `earliest`, `latest` or a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from instream.errors import SettingsInvalid

Start = Literal["earliest", "latest"] | int
_NAMED: dict[str, Start] = {"earliest": "earliest", "latest": "latest"}


def start_of(text: str) -> Start:
    """`earliest`, `latest`, or a time as Unix milliseconds; a time without a zone is UTC. Raises SettingsInvalid.

    >>> start_of("2013-07-01T00:00:00Z")
    1372636800000
    """
    if text in _NAMED:
        return _NAMED[text]
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsInvalid(f"source.start = {text!r}: expected earliest, latest or a time such as 2013-07-01T00:00:00Z") from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
