"""Keys of keyed models that workers used last: who starts after them reads their parameters before the first batch."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from instream.stores.backend import Backend, claim, scan

LIVES_MS = 7 * 24 * 3_600_000
KEYS_MAX = 20_000
_BYTES_MAX = 200_000
"""Rows are bounded; what does not fit is read when it is asked for."""


class _Hot(msgspec.Struct, frozen=True):
    at_ms: int
    keys: tuple[str, ...]


class HotKeys:
    """Places: `reports/MODEL/hot` (WORKER/TIME/ID -> keys), where rows come and go as reports do."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def write(self, name: str, worker: str, keys: Sequence[str], now_ms: int) -> None:
        """Keep them as the newest of a worker; `keys` by their last use, the most recent first."""
        place, mine = _place(name), f"{worker}/"
        key = f"{mine}{now_ms:015d}/{uuid.uuid4().hex[:8]}"
        claim(self._backend, place, key, msgspec.json.encode(_Hot(now_ms, tuple(_fitting(keys)))))
        for older, row in list(scan(self._backend, place)):
            known = _read(row)
            if (older.startswith(mine) and older < key) or known is None or now_ms - known.at_ms > LIVES_MS:
                self._backend.delete(place, older)

    def read(self, name: str, now_ms: int) -> tuple[str, ...]:
        """Of all workers that were here lately, the most recently used first of each; at most `KEYS_MAX`."""
        found = [known.keys for _, row in scan(self._backend, _place(name)) if (known := _read(row)) and now_ms - known.at_ms <= LIVES_MS]
        longest = max(map(len, found), default=0)
        turns = (keys[at] for at in range(longest) for keys in found if at < len(keys))
        return tuple(dict.fromkeys(turns))[:KEYS_MAX]


def _fitting(keys: Sequence[str]) -> Sequence[str]:
    size = 0
    for count, key in enumerate(keys[:KEYS_MAX]):
        size += 6 * len(key) + 3  # as JSON, at most
        if size > _BYTES_MAX:
            return keys[:count]
    return keys[:KEYS_MAX]


def _read(row: bytes) -> _Hot | None:
    """None for what this instream cannot read: it is news, not a record."""
    try:
        return msgspec.json.decode(row, type=_Hot)
    except msgspec.MsgspecError:
        return None


def _place(name: str) -> str:
    return f"reports/{name}/hot"
