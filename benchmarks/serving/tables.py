"""What `serve` found, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from benchmarks.goals import spread
from benchmarks.report import text
from benchmarks.serving.cases import Case
from benchmarks.serving.load import Loaded
from benchmarks.serving.memory import REQUESTS, Burst


def loads(case: Case, rounds: Sequence[Sequence[Loaded]]) -> Table:
    """One case: everybody's figures, and those of rate and CPU against the bare server's in the same round."""
    rows = max(each.rows for of_round in rounds for each in of_round if _is_of(case, each))
    title = f"{case.title}, {case.connections} connections, median of {len(rounds)} rounds (lowest to highest)"
    table = _table(title, "rows/s" if rows > 1 else "requests/s", ": bare", "p50 ms", "p99 ms", "CPU µs", ": bare")
    bare = _of(case.bare, rounds)
    for asked, server, _ in case.asked:
        runs = _of(f"{asked} {server.name}", rounds)
        table.add_row(
            f"{server.name}{', Arrow' if asked.endswith('arrow') else ''}",
            text(spread([each.rate for each in runs]), ",.0f"),
            text(spread([each.rate / other.rate for each, other in zip(runs, bare, strict=True)]), ".2f"),
            text(spread([each.p50_ms for each in runs]), ".2f"),
            text(spread([each.p99_ms for each in runs]), ".2f"),
            text(spread([each.cpu_us for each in runs]), ".0f"),
            text(spread([each.cpu_us / other.cpu_us for each, other in zip(runs, bare, strict=True)]), ".2f"),
        )
    return table


def bursts(rounds: Sequence[Sequence[Burst]]) -> Table:
    """Memory, and what became of the requests."""
    table = _table(
        f"{REQUESTS} requests of about 300 KB at once, median of {len(rounds)} rounds (lowest to highest)",
        *("MB before", "at most", "after", "answered", "refused", "failed", "s"),
    )
    for name in sorted({each.contestant for of_round in rounds for each in of_round}):
        runs = [each for of_round in rounds for each in of_round if each.contestant == name]
        figures: Iterable[list[float]] = (
            [each.before_mb for each in runs],
            [each.peak_mb for each in runs],
            [each.after_mb for each in runs],
            [each.answered for each in runs],
            [each.refused for each in runs],
            [each.failed for each in runs],
        )
        table.add_row(name, *(text(spread(each), ",.0f") for each in figures), text(spread([each.seconds for each in runs]), ".1f"))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table("", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _of(name: str, rounds: Sequence[Sequence[Loaded]]) -> list[Loaded]:
    return [each for of_round in rounds for each in of_round if each.contestant == name]


def _is_of(case: Case, each: Loaded) -> bool:
    return each.contestant in {f"{asked} {server.name}" for asked, server, _ in case.asked}
