"""A process that loads all keys of a keyed model and says, as JSON, how much memory that took."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import msgspec

from benchmarks.keyed.places import opened
from instream.keyed import KeyedLimits, KeyedModel
from instream.package import Version

NAME = "linear"


class Resident(msgspec.Struct):
    """Bytes.

    Attributes:
        before: with everything imported and the package opened.
        after: with all parameters in memory.
        parameters: numbers of the models, without anything around them.
    """

    before: int
    after: int
    parameters: int
    keys: int


def main(url: str, folder: Path, keys: int, key_bytes: int) -> Resident:
    """`key_bytes`: parameters of a key."""
    store = opened(url, folder)
    package, parameters = store.open(NAME, Version(1)), store.parameters(NAME, Version(1))
    gc.collect()
    before = _resident()
    hot: list[str] = []
    while some := parameters.scan(hot[-1] if hot else "", 10_000):
        hot += some
    # the default room would hold more keys; so that each has a place, and a few to write to
    model = KeyedModel(package, parameters, KeyedLimits(cache=(keys + 1_000) * (key_bytes + 300)), label="bench@1", hot=hot)
    del hot
    model.start()
    gc.collect()
    found = Resident(before, _resident(), keys * key_bytes, len(model.hot()))
    model.close()
    return found


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(msgspec.json.encode(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))).decode())
