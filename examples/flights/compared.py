"""The same flights by each strategy: at a pace, with a change in the middle, and at full speed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import instream
from examples.flights import data, routes
from examples.flights.account import Other, account
from examples.flights.ends import Ends
from examples.flights.pipes import Pipe
from examples.flights.progress import console, step
from examples.flights.strategies import Measured, asks, calls, of_keys, server
from examples.flights.stream import Seen, stream
from examples.flights.topics import Topics
from instream import stores
from instream.package import Version
from instream.testing.processes import Peak

NAMES = ("embedded", "remote", "database")
LATE = 0
"""Place of "late" among the classes, which are in order of the alphabet."""


class Compared:
    def __init__(self, ends: Ends, store: str, folder: Path, records: Sequence[bytes], later: pd.DataFrame, rate: float) -> None:
        self._ends = ends
        self._store = store
        self._folder = folder
        self._records = records
        self._later = later
        self._rate = rate

    def all(self, update: routes.Update) -> tuple[str, Mapping[str, Measured]]:
        """What was said of the full speed embedded, and what each strategy did."""
        promotion = partial(self._promote, Version(2))
        said, embedded = self._measured("embedded", (), promotion, "version 2 promoted", self._other)
        self._promote(Version(1))  # so that both begin with it, and have it swapped in mid-stream
        with server(self._folder, self._store) as served:
            _, remote = self._measured("remote", asks(served), promotion, "version 2 promoted", self._other)
            remote.server_bytes, (remote.calls, remote.refused) = served.peak(), calls(served)
        _, database = self._measured("database", of_keys(routes.MODEL), update, "routes updated", self._second)
        database.updated = len(update.estimators)
        database.seen_ms = update.seen_ms(database.account.outputs, database.account.start_ns)
        return said, dict(zip(NAMES, (embedded, remote, database), strict=True))

    def _measured(self, name: str, options: Sequence[str], change: Callable[[], None], changed: str, other: Other) -> tuple[str, Measured]:
        options = [f"--set=model.store={self._store}", *options]
        console.print(f"[bold]{name}[/]: all flights at {self._rate:,.0f} a second")
        seen, peak, dead = self._ends.paced(name, options, lambda ends: self._streamed(ends, change, changed))
        truth = [None if value is None or value != value else bool(value) for value in self._later["late"]]
        found = account(seen, truth, LATE, dead=dead, filtered=self._filtered(), other=other)
        with step("the same stream at full speed"):
            said, speed = self._ends.fast(name, options)
        return said, Measured(found, speed, peak)

    def _streamed(self, ends: Pipe | Topics, change: Callable[[], None], changed: str) -> tuple[Seen, int]:
        """Stream, with a change in the middle; also the peak memory of the pipeline's worker."""
        columns = (TextColumn("  streaming"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=len(self._records), said="starting the pipeline")

            def show_progress(seen: Seen) -> None:
                progress.update(task, completed=seen.lines, said=changed if seen.promoted_ns else "as published")

            peak = Peak(ends.pid)
            seen = stream(ends, self._records, self._rate, change, show_progress)
            return seen, peak.end()

    def _promote(self, version: Version) -> None:
        """What `instream promote delay VERSION` calls."""
        stores.promote(stores.open_store(self._store), "delay", version, by="demo", note="in mid-stream")

    def _other(self, version: int, ids: Sequence[int]) -> npt.NDArray[np.float64]:
        """What the version that is not `version` says of these flights."""
        return self._said_by(3 - version, ids)

    def _second(self, version: int, ids: Sequence[int]) -> npt.NDArray[np.float64]:
        """What the second version of the one model for all says of them."""
        return self._said_by(2, ids)

    def _said_by(self, version: int, ids: Sequence[int]) -> npt.NDArray[np.float64]:
        with instream.load(f"delay@{version}", store=self._store) as scorer:
            answers = scorer.score(self._later.iloc[list(ids)][data.FEATURES])
        return np.array(answers["probabilities"].tolist())[:, LATE]

    def _filtered(self) -> int:
        """What the pipeline says at its end."""
        found = re.findall(r"([\d,]+) filtered", (self._folder / "pipeline.log").read_text(errors="replace"))
        return int(found[-1].replace(",", "")) if found else 0
