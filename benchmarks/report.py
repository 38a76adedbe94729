"""Tables on the terminal and a JSON file in `build/bench/`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.conditions import conditions, warning
from benchmarks.contestants import Contestant
from benchmarks.drain import Drained
from benchmarks.goals import Ratio, Spread, ratios, spread
from benchmarks.stage import CONSOLE

_FOLDER = Path(__file__).parent.parent / "build" / "bench"


def throughput(contestants: Sequence[Contestant], rounds: Sequence[Sequence[Drained]]) -> None:
    """Print rates, CPU and ratios of all rounds; write them and each round to a file."""
    found = ratios(rounds)
    CONSOLE.print(rate_table(contestants, rounds))
    if found:
        CONSOLE.print(ratio_table(found))
    write(
        "throughput", {"rounds": [[asdict(each) for each in of_round] for of_round in rounds], "ratios": [asdict(each) for each in found]}
    )


def rate_table(contestants: Sequence[Contestant], rounds: Sequence[Sequence[Drained]]) -> Table:
    """Rates and CPU of all rounds."""
    table = Table(title=f"W2, median of {len(rounds)} rounds (lowest to highest)", title_justify="left")
    for column in ("", "records/s", "CPU µs/record", "first output s"):
        table.add_column(column, justify="left" if not column else "right")
    for each in contestants:
        runs = [drained for of_round in rounds for drained in of_round if drained.contestant == each.name]
        table.add_row(
            each.about,
            text(spread([run.rate for run in runs]), ",.0f"),
            text(spread([run.cpu_us for run in runs]), ".2f"),
            text(spread([run.first_output_s for run in runs]), ".1f"),
        )
    return table


def ratio_table(found: Sequence[Ratio], title: str = "Ratios of rates within a round") -> Table:
    """Goals and what became of them."""
    table = Table(title=title, title_justify="left")
    for column in ("", "found", "goal", ""):
        table.add_column(column, justify="left" if not column else "right")
    for each in found:
        verdict = "[green]met[/]" if each.met else "[red]missed[/]"
        table.add_row(f"{each.goal.ours} : {each.goal.other}", text(each.found, ".2f"), f"≥ {each.goal.at_least:g}", verdict)
    return table


def text(figures: Spread, form: str) -> str:
    """`median (low to high)`; of one figure, that."""
    if figures.low == figures.high:
        return f"{figures.median:{form}}"
    return f"{figures.median:{form}} ({figures.low:{form}} to {figures.high:{form}})"


def write(kind: str, results: Mapping[str, Any]) -> None:
    """Keep results with their conditions, and say where."""
    taken = conditions()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    path = _FOLDER / f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"conditions": taken, **results}, indent=1), encoding="utf-8")
    if sentence := warning(taken):
        CONSOLE.print(f"[yellow]{sentence}[/]")
    CONSOLE.print(f"{taken['processor']}, {taken['processors']} processors; {path}")
