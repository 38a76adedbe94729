"""What nothing refers to any more: half-written uploads of killed publishers, files of deleted versions, old heads."""

from __future__ import annotations

from collections.abc import Callable

from instream.stores.backend import Backend, claim, decoded, scan
from instream.stores.copies import UPLOADS, Copies, Upload, copies_place
from instream.stores.heads import Heads
from instream.stores.parameter_sets import collect_sets
from instream.stores.versions import Versions

GRACE_MS = 24 * 3_600_000
"""Nothing younger is touched: its writer may still be at work, or a deletion be taken back."""


def collect(backend: Backend, copies: Copies, versions: Versions, heads: Heads, now_ms: int, clear: Callable[[str], None]) -> int:
    """Remove it; returns how many uploads and sets of parameters were removed. `clear` removes a set.

    A publisher that takes up an old copy while it is removed here is not lost: it looks for the copy once more after
    it has claimed its number, and we look for the number once more after we have hidden the copy. One of us sees.
    """
    before_ms = now_ms - GRACE_MS
    for name in versions.names():
        heads.collect(name, before_ms)
    removed = 0
    for upload, row in scan(backend, UPLOADS):
        entry = decoded(row, Upload, "an entry of the uploads")
        place = copies_place(entry.digest)
        complete = backend.read(place, upload) is not None
        if entry.at_ms > before_ms or (complete and _wanted(versions, entry, before_ms)):
            continue
        if complete:
            backend.delete(place, upload)
            if _wanted(versions, entry, before_ms):
                claim(backend, place, upload, b"")
                continue
        copies.remove(upload)
        removed += 1
    return removed + collect_sets(backend, clear, lambda entry: _wanted(versions, entry, before_ms), before_ms)


def _wanted(versions: Versions, upload: Upload, before_ms: int) -> bool:
    deleted = versions.deletions(upload.name)
    return any(
        entry.digest == upload.digest and (entry.version not in deleted or deleted[entry.version].at_ms > before_ms)
        for entry in versions.every(upload.name)
    )
