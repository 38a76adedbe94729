"""The whole way on real flights: train two versions, stream, promote in mid-stream, account for every record, report."""

from __future__ import annotations

import argparse
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import instream
from examples.flights import data, train
from examples.flights.account import Account, account
from examples.flights.full_speed import filled, through_pipes, through_topics
from examples.flights.pipes import Pipe
from examples.flights.report import rows_of_fate, rows_of_scores, write_report
from examples.flights.stream import Seen, stream
from examples.flights.topics import Topics
from instream import stores
from instream.package import Version
from instream.publishing import publish
from instream.testing.kafka import Broker

FOLDER = Path("build/demo")
STORE = f"sqlite:///{FOLDER}/models.db"
LATE = 0
"""Place of "late" among the classes, which are in order of the alphabet."""

console = Console()


def main() -> None:
    asked = arguments()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("delays.toml"), FOLDER)
    flights = trained()
    later = data.later_months(flights).head(asked.records)
    with console.status("writing the flights as JSON records"):
        records = data.lines(later)
    console.print(f"[green]✓[/] {len(records):,} later flights as JSON records; one in {data.BROKEN_EVERY:,} is broken on purpose")
    found, speed = in_kafka(records, later, asked.rate) if asked.kafka else in_pipes(records, later, asked.rate)
    show(found, speed)
    report = FOLDER / "report.html"
    write_report(report, found, speed, "from topic to topic of a Kafka broker" if asked.kafka else "through a pipe")
    console.print(f"\nThe report with plots: [bold]{report}[/]. The store, the pipeline's file, log and dead letters are beside it.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--kafka", action="store_true", help="between two topics of a real broker, which is started for it")
    parser.add_argument("--rate", type=float, default=10_000, help="records a second (default: %(default)s)")
    parser.add_argument("--records", type=int, default=None, help="stream so many flights only (default: all later ones, 198,861)")
    return parser.parse_args()


def trained() -> pd.DataFrame:
    """Train both versions on the first months and publish them. Returns all flights."""
    with console.status("reading the flights"):
        flights = data.flights()
        learn = data.first_months(flights)
    console.print(f"[green]✓[/] {len(flights):,} real flights of 2013; {len(learn):,} of the first months to learn from")
    sample = learn[data.FEATURES].sample(5_000, random_state=0)
    for number, (fit, kind) in enumerate(((train.version_1, "logistic regression"), (train.version_2, "gradient boosting")), 1):
        with step(f"version {number}: a {kind}, trained, converted and proved"):
            published = publish(fit(learn), name="delay", sample=sample, store=STORE)
        console.print(f"  {published}")
    return flights


def in_pipes(records: Sequence[bytes], later: pd.DataFrame, rate: float) -> tuple[Account, str]:
    with closing(Pipe(FOLDER)) as pipe:
        seen = streamed(pipe, records, rate)
        pipe.wait()
    found = account(
        seen, truth(later), LATE, dead=lines_in(FOLDER / "dead.jsonl"), filtered=filtered(), other=partial(other_version, later)
    )
    with step("the same stream at full speed"):
        return found, through_pipes(FOLDER, records)


def in_kafka(records: Sequence[bytes], later: pd.DataFrame, rate: float) -> tuple[Account, str]:
    with ExitStack() as stack:
        with step("a Kafka broker of its own"):
            broker = stack.enter_context(Broker())
            fast = stack.enter_context(closing(filled(broker, FOLDER, records)))
        topics = stack.enter_context(closing(Topics(broker, "flights", FOLDER)))
        topics.run()
        seen = streamed(topics, records, rate)
        dead = topics.dead()
        topics.wait()
        found = account(seen, truth(later), LATE, dead=dead, filtered=filtered(), other=partial(other_version, later))
        with step("the same stream at full speed"):
            return found, through_topics(fast)


def streamed(ends: Pipe | Topics, records: Sequence[bytes], rate: float) -> Seen:
    columns = (TextColumn("  streaming"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(records), said="starting the pipeline")

        def show_progress(seen: Seen) -> None:
            said = "version 2 promoted" if seen.promoted_ns else "version 1"
            progress.update(task, completed=seen.lines, said=said)

        return stream(ends, records, rate, promote, show_progress)


def promote() -> None:
    """What `instream promote delay 2` calls."""
    stores.promote(stores.open_store(STORE), "delay", Version(2), by="demo", note="in mid-stream")


def other_version(later: pd.DataFrame, version: int, ids: Sequence[int]) -> npt.NDArray[np.float64]:
    """What the version that is not `version` says of these flights."""
    with instream.load(f"delay@{3 - version}", store=STORE) as scorer:
        answers = scorer.score(later.iloc[list(ids)][data.FEATURES])
    return np.array(answers["probabilities"].tolist())[:, LATE]


def truth(later: pd.DataFrame) -> list[bool | None]:
    return [None if value is None or value != value else bool(value) for value in later["late"]]


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def filtered() -> int:
    """What the pipeline says at its end."""
    found = re.findall(r"([\d,]+) filtered", (FOLDER / "pipeline.log").read_text(errors="replace"))
    return int(found[-1].replace(",", "")) if found else 0


def show(found: Account, speed: str) -> None:
    names, figures = rows_of_fate(found)
    fate = Table(title="What became of the records", title_justify="left", show_header=False)
    for name, figure in zip(names, figures, strict=True):
        fate.add_row(name, figure)
    head, *versions = rows_of_scores(found)
    scores = Table(*head, title="How right each version was", title_justify="left")
    for row in versions:
        scores.add_row(*row)
    for table in (fate, scores):
        for column in table.columns[1:]:
            column.justify = "right"
        console.print("\n", table)
    console.print(f"\n[bold]At full speed[/]: {speed}")


@contextmanager
def step(text: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(text):
        yield
    console.print(f"[green]✓[/] {text} [dim]({time.monotonic() - started:.1f} s)[/]")


if __name__ == "__main__":
    main()
