"""The whole way on real flights: train two versions, stream, promote in mid-stream, account for every record, by two strategies."""

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
from examples.flights.strategies import Measured, asks, calls, rows_of_strategies, sentence, server
from examples.flights.stream import Seen, stream
from examples.flights.topics import Topics
from instream import stores
from instream.package import Version
from instream.publishing import publish
from instream.testing.faults.served import Served
from instream.testing.kafka import Broker
from instream.testing.processes import Peak

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
    speed, embedded, remote = in_kafka(records, later, asked.rate) if asked.kafka else in_pipes(records, later, asked.rate)
    found, compared, said = embedded.account, rows_of_strategies(embedded, remote), sentence(embedded, remote)
    show(found, speed, compared, said)
    report = FOLDER / "report.html"
    write_report(report, found, speed, "from topic to topic of a Kafka broker" if asked.kafka else "through a pipe", compared, said)
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


Results = tuple[str, Measured, Measured]
"""What was said of the full speed, embedded, and remote."""


def in_pipes(records: Sequence[bytes], later: pd.DataFrame, rate: float) -> Results:
    embedded, peak = piped(records, later, rate)
    with step("the same stream at full speed"):
        said, speed = through_pipes(FOLDER, records)
    with serving() as server:
        remote, remote_peak = piped(records, later, rate, *asks(server), "--set=dead_letter.url=remote-dead.jsonl")
        with step("the same stream at full speed, the model in the server"):
            _, remote_speed = through_pipes(FOLDER, records, *asks(server))
        return said, Measured(embedded, speed, peak), Measured(remote, remote_speed, remote_peak, server.peak(), *calls(server))


def piped(records: Sequence[bytes], later: pd.DataFrame, rate: float, *options: str) -> tuple[Account, int]:
    """The account, and the peak memory of the pipeline's worker."""
    with closing(Pipe(FOLDER, *options)) as pipe:
        seen, peak = streamed(pipe, records, rate)
        pipe.wait()
    dead = lines_in(FOLDER / ("remote-dead.jsonl" if options else "dead.jsonl"))
    return account(seen, truth(later), LATE, dead=dead, filtered=filtered(), other=partial(other_version, later)), peak


def in_kafka(records: Sequence[bytes], later: pd.DataFrame, rate: float) -> Results:
    with ExitStack() as stack:
        with step("a Kafka broker of its own"):
            broker = stack.enter_context(Broker())
            fast = stack.enter_context(closing(filled(broker, FOLDER, records)))
            again = stack.enter_context(closing(filled(broker, FOLDER, records, "flights-again")))
        embedded, peak = between(stack.enter_context(closing(Topics(broker, "flights", FOLDER))), records, later, rate)
        with step("the same stream at full speed"):
            said, speed = through_topics(fast)
        server = stack.enter_context(serving())
        topics = stack.enter_context(closing(Topics(broker, "flights-remote", FOLDER)))
        remote, remote_peak = between(topics, records, later, rate, *asks(server))
        with step("the same stream at full speed, the model in the server"):
            _, remote_speed = through_topics(again, *asks(server))
        return said, Measured(embedded, speed, peak), Measured(remote, remote_speed, remote_peak, server.peak(), *calls(server))


def between(topics: Topics, records: Sequence[bytes], later: pd.DataFrame, rate: float, *options: str) -> tuple[Account, int]:
    """The account, and the peak memory of the pipeline's worker."""
    topics.run(*options)
    seen, peak = streamed(topics, records, rate)
    dead = topics.dead()
    topics.wait()
    return account(seen, truth(later), LATE, dead=dead, filtered=filtered(), other=partial(other_version, later)), peak


@contextmanager
def serving() -> Iterator[Served]:
    with ExitStack() as stack:
        promote(Version(1))  # so that both strategies begin with it, and have it swapped in mid-stream
        with step("a model server, a process of its own"):
            found = stack.enter_context(server(FOLDER, STORE))
        yield found


def streamed(ends: Pipe | Topics, records: Sequence[bytes], rate: float) -> tuple[Seen, int]:
    """Stream, with a promotion in the middle; also the peak memory of the pipeline's worker."""
    columns = (TextColumn("  streaming"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(records), said="starting the pipeline")

        def show_progress(seen: Seen) -> None:
            said = "version 2 promoted" if seen.promoted_ns else "version 1"
            progress.update(task, completed=seen.lines, said=said)

        peak = Peak(ends.pid)
        seen = stream(ends, records, rate, partial(promote, Version(2)), show_progress)
        return seen, peak.end()


def promote(version: Version) -> None:
    """What `instream promote delay VERSION` calls."""
    stores.promote(stores.open_store(STORE), "delay", version, by="demo", note="in mid-stream")


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


def show(found: Account, speed: str, compared: Sequence[tuple[str, ...]], said: str) -> None:
    names, figures = rows_of_fate(found)
    fate = Table(title="What became of the records", title_justify="left", show_header=False)
    for name, figure in zip(names, figures, strict=True):
        fate.add_row(name, figure)
    scores = table_of("How right each version was", rows_of_scores(found))
    strategies = table_of("The model in the pipeline, or in a server", compared)
    for each in (fate, scores, strategies):
        for column in each.columns[1:]:
            column.justify = "right"
        console.print("\n", each)
        if each is scores:
            console.print(f"\n[bold]At full speed[/]: {speed}")
    console.print(f"\n{said}")


def table_of(title: str, rows: Sequence[tuple[str, ...]]) -> Table:
    head, *body = rows
    table = Table(*head, title=title, title_justify="left")
    for row in body:
        table.add_row(*row)
    return table


@contextmanager
def step(text: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(text):
        yield
    console.print(f"[green]✓[/] {text} [dim]({time.monotonic() - started:.1f} s)[/]")


if __name__ == "__main__":
    main()
