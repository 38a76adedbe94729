"""What every protocol makes of a request: rows to score, and a way to say the answer in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from instream.wire.answered import Answered
from instream.wire.columns import Columns


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A body, and what its headers must say of it."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = {}


class Question(Protocol):
    """A request that was read."""

    @property
    def columns(self) -> Columns: ...

    def answer(self, answered: Answered) -> Reply:
        """Raises InvalidRows where the protocol knows no failed rows and there is one."""
        ...
