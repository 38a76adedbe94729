"""Goals that are numbers, not ratios of two rates: at least so many rows a second, at most so many milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.goals import Spread, spread
from benchmarks.report import text


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure, and what it was to be.

    Attributes:
        form: how the figure is written.
        goal: None where there is none; then the figure is only told.
        most: whether the goal is the most that it may be; else the least.
    """

    what: str
    found: Spread
    form: str
    goal: float | None = None
    most: bool = False

    @property
    def met(self) -> bool | None:
        """By the median of the rounds."""
        if self.goal is None:
            return None
        return self.found.median <= self.goal if self.most else self.found.median >= self.goal


def at_least(what: str, figures: Sequence[float], goal: float, form: str = ".2f") -> Verdict:
    return Verdict(what, spread(figures), form, goal)


def at_most(what: str, figures: Sequence[float], goal: float, form: str = ".2f") -> Verdict:
    return Verdict(what, spread(figures), form, goal, most=True)


def told(what: str, figures: Sequence[float], form: str = ".2f") -> Verdict:
    return Verdict(what, spread(figures), form)


def table(title: str, found: Sequence[Verdict]) -> Table:
    """Figures, goals and what became of them."""
    made = Table(title=title, title_justify="left")
    for column in ("", "median (lowest to highest)", "goal", ""):
        made.add_column(column, justify="left" if not column else "right")
    words = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}
    for each in found:
        goal = "" if each.goal is None else f"{'≤' if each.most else '≥'} {each.goal:{each.form}}"
        made.add_row(each.what, text(each.found, each.form), goal, words[each.met])
    return made
