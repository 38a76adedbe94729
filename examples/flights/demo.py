"""The whole way on real flights: train, stream, change the model in mid-stream, account for every record, by three strategies."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
from rich.table import Table

from examples.flights import data, routes, train
from examples.flights.account import Account
from examples.flights.compared import Compared
from examples.flights.ends import Ends, Pipes, between_topics
from examples.flights.progress import console, step
from examples.flights.report import rows_of_fate, rows_of_scores, write_report
from examples.flights.strategies import rows_of_strategies, sentence
from instream.publishing import publish
from instream.stores import open_store

FOLDER = Path("build/demo")


def main() -> None:
    asked = arguments()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("delays.toml"), FOLDER)
    with ExitStack() as stack:
        store = stack.enter_context(cassandra()) if asked.cassandra else f"sqlite:///{FOLDER.resolve()}/models.db"
        flights, update = trained(store)
        later = data.later_months(flights).head(asked.records)
        with console.status("writing the flights as JSON records"):
            records = data.lines(later)
        console.print(f"[green]✓[/] {len(records):,} later flights as JSON records; one in {data.BROKEN_EVERY:,} is broken on purpose")
        ends: Ends = Pipes(FOLDER, records)
        if asked.kafka or asked.cassandra:
            with step("a Kafka broker of its own"):
                ends = stack.enter_context(between_topics(FOLDER, records, ("embedded", "remote", "database")))
        speed, found = Compared(ends, store, FOLDER, records, later, asked.rate).all(update)
    rows, said = rows_of_strategies(found), sentence(found)
    show(found["embedded"].account, speed, rows, said)
    report = FOLDER / "report.html"
    write_report(report, found["embedded"].account, speed, ends.where, rows, said)
    console.print(f"\nThe report with plots: [bold]{report}[/]. The pipeline's file, log and dead letters are beside it.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--kafka", action="store_true", help="between two topics of a real broker, which is started for it")
    parser.add_argument("--cassandra", action="store_true", help="the models in a real Cassandra, which is started for it; and --kafka")
    parser.add_argument("--rate", type=float, default=10_000, help="records a second (default: %(default)s)")
    parser.add_argument("--records", type=int, default=None, help="stream so many flights only (default: all later ones, 198,861)")
    return parser.parse_args()


def trained(store: str) -> tuple[pd.DataFrame, routes.Update]:
    """Train on the first months and publish: two versions of one model for all flights, and one for each route.

    Returns:
        All flights, and what the models of the routes learn in mid-stream.
    """
    with console.status("reading the flights"):
        flights = data.flights()
        learn = data.first_months(flights)
    console.print(f"[green]✓[/] {len(flights):,} real flights of 2013; {len(learn):,} of the first months to learn from")
    sample = learn[data.FEATURES].sample(5_000, random_state=0)
    for number, (fit, kind) in enumerate(((train.version_1, "logistic regression"), (train.version_2, "gradient boosting")), 1):
        with step(f"version {number}: a {kind}, trained, converted and proved"):
            published = publish(fit(learn), name="delay", sample=sample, store=store)
        console.print(f"  {published}")
    every = flights.groupby(routes.KEY).ngroups
    with step(f"a light gradient boosting for each of {every} routes with enough flights, and for each airport, trained and proved"):
        by_route = routes.publish(learn, store)
    console.print(f"  {by_route}")
    with step("what they learn from two more months, to be put in mid-stream"):
        update = routes.Update(routes.fitted(learn), store)
    return flights, update


@contextmanager
def cassandra() -> Iterator[str]:
    """The URL of a store."""
    from instream.testing.cassandra import Node  # an extra, which the other demos do without

    with ExitStack() as stack:
        with step("a Cassandra of its own"):
            node = stack.enter_context(Node())
            url = node.url(node.keyspace())
            open_store(url).close()  # what `instream store init` does
        yield url


def show(found: Account, speed: str, compared: Sequence[tuple[str, ...]], said: str) -> None:
    names, figures = rows_of_fate(found)
    fate = Table(title="What became of the records", title_justify="left", show_header=False)
    for name, figure in zip(names, figures, strict=True):
        fate.add_row(name, figure)
    scores = table_of("How right each version was", rows_of_scores(found))
    strategies = table_of("The model in the pipeline, in a server, or one for each route", compared)
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


if __name__ == "__main__":
    main()
