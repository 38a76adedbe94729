"""`python -m benchmarks`: throughput against peers; `serve` measures the model server, other commands the rest."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from benchmarks.bad import bad as measure_bad
from benchmarks.contestants import ALL, ENGINES, Contestant, WrongAnswer
from benchmarks.drain import Failed
from benchmarks.engines import engines as measure_engines
from benchmarks.keyed.run import PARTS
from benchmarks.keyed.run import keyed as measure_keyed
from benchmarks.latency import latency as measure_latency
from benchmarks.overload import overload as measure_overload
from benchmarks.profile import profile as measure_profile
from benchmarks.serve import serve as measure_serve
from benchmarks.strategies import strategies as measure_strategies
from benchmarks.swap import swap as measure_swap
from benchmarks.throughput import SECONDS_MAX, throughput
from instream.errors import InstreamError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)

_NAMES = ", ".join(each.name for each in ALL)

Rounds = Annotated[int, typer.Option(min=1, max=100, help="Interleaved rounds; the medians count.")]
Records = Annotated[int, typer.Option(min=10_000, max=100_000_000, help="Records in the topic that is drained.")]
Only = Annotated[str, typer.Option(help=f"Names, separated by commas, of {_NAMES}.")]
Mode = Annotated[Literal["at_least_once", "exactly_once"], typer.Option(help="Delivery of the worker.")]
Quick = Annotated[bool, typer.Option("--quick", help="One round of 300,000 records: does it run? Its figures mean little.")]
Seconds = Annotated[int, typer.Option(min=1, max=3_600, help="Timed, after 5 s of warm-up.")]
Rate = Annotated[int, typer.Option(min=100, max=1_000_000, help="Records a second.")]


@app.callback(invoke_without_command=True)
def main(context: typer.Context, rounds: Rounds = 3, records: Records = 2_000_000, only: Only = "", quick: Quick = False) -> None:
    """Throughput and CPU of instream and of its peers on one topic, and the ratios."""
    if context.invoked_subcommand is not None:
        return
    if quick:
        throughput(chosen(only), rounds=1, records=300_000, seconds_max=5)
    else:
        throughput(chosen(only), rounds, records, SECONDS_MAX)


@app.command()
def latency(rounds: Rounds = 3, seconds: Seconds = 20, rate: Rate = 20_000) -> None:
    """End-to-end p50 and p99 at a fixed rate, against the copy loop."""
    measure_latency(rounds, seconds, rate)


@app.command()
def bad(rounds: Rounds = 3, records: Records = 1_000_000) -> None:
    """Throughput with one bad record in a hundred, by kind, against a clean topic."""
    measure_bad(rounds, records)


@app.command()
def swap(rounds: Rounds = 1, records: Records = 10_000_000) -> None:
    """Largest gap and throughput while a version is swapped in that takes 5 seconds to load."""
    measure_swap(rounds, records)


@app.command()
def overload(rounds: Rounds = 3, seconds: Seconds = 10) -> None:
    """Ten times a server's best load: on-time answers, refusals, probes, and how soon all is as before."""
    measure_overload(rounds, seconds)


@app.command()
def profile(records: Records = 1_000_000, mode: Mode = "at_least_once") -> None:
    """Where the µs of one worker go, by step and by thread."""
    measure_profile(records, mode)


@app.command()
def serve(
    rounds: Rounds = 3,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="Timed, of each server and case, after 1 s of warm-up.")] = 8,
    quick: Annotated[bool, typer.Option("--quick", help="One round of 1 s each: does it run? Its figures mean little.")] = False,
) -> None:
    """The model server against bare handlers, FastAPI and MLServer: rate, latency, CPU, memory under a burst."""
    measure_serve(*((1, 1) if quick else (rounds, seconds)))


@app.command()
def strategies(
    rounds: Rounds = 3,
    records: Records = 2_000_000,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="A run is timed for so long at most, after its warm-up.")] = 20,
    quick: Quick = False,
) -> None:
    """Throughput and CPU with the model in the worker, against a server on the same machine, by gRPC and by REST."""
    measure_strategies(*((1, 300_000, 5) if quick else (rounds, records, seconds)))


@app.command()
def engines(
    rounds: Rounds = 3,
    records: Records = 2_000_000,
    only: Annotated[str, typer.Option(help=f"Names, separated by commas, of {', '.join(each.name for each in ENGINES)}.")] = "",
    quick: Quick = False,
) -> None:
    """Flink and Spark: ours against an empty function, jobs by hand, Flink in Java, and our own workers."""
    measure_engines(chosen(only, ENGINES), *((1, 300_000, 10) if quick else (rounds, records, 2 * SECONDS_MAX)))


@app.command()
def keyed(
    only: Annotated[str, typer.Option(help=f"Names, separated by commas, of {', '.join(PARTS)}.")] = "",
    stores: Annotated[bool, typer.Option("--stores", help="Also start PostgreSQL and Cassandra, and measure with them.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer keys and short rounds: does it run? Its figures mean little.")] = False,
) -> None:
    """A light model for each key: rows a second, memory, cold start, updates, and from Kafka to Kafka."""
    if unknown := {name for name in only.split(",") if name} - set(PARTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: expected names of {', '.join(PARTS)}")
    measure_keyed([name for name in PARTS if not only or name in only.split(",")], servers=stores, quick=quick)


def chosen(only: str, among: Sequence[Contestant] = ALL) -> list[Contestant]:
    """The contestants of these names, all when there is none."""
    names = [name for name in only.split(",") if name]
    known = [each.name for each in among]
    if unknown := set(names) - set(known):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: expected names of {', '.join(known)}")
    return [each for each in among if not names or each.name in names]


if __name__ == "__main__":
    try:
        app()
    except (Failed, WrongAnswer, InstreamError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
