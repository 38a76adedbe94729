"""A process that gives keys new parameters at a steady rate until it is told to stop; at last it says how fast it was."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from benchmarks.keyed.banks import linear
from benchmarks.keyed.places import opened

_TURN_S = 0.05
_MADE = 5_000


def main(url: str, folder: Path, digest: str, keys: int, rate: int) -> None:
    """`rate`: keys a second, spread over all of them, some at a time."""
    stop: list[int] = []  # an Event could not be set while it is waited for, by the same thread
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    bank = linear(keys)
    parameters = opened(url, folder).parameters_of(digest)
    numbers = [number * 7_919 % keys for number in range(_MADE)]
    made = [(bank.texts[number], bank.payload(number, 1.0)) for number in numbers]
    print("ready", flush=True)
    began, written, turn = time.monotonic(), 0, max(1, round(rate * _TURN_S))
    while not stop:
        time.sleep(max(0.0, began + written / rate - time.monotonic()))
        parameters.write(dict(made[(written + at) % _MADE] for at in range(turn)))
        written += turn
    print(f"{written / (time.monotonic() - began):.0f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
