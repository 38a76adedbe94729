"""What we want to reach, as ratios of rates within one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.drain import Drained


@dataclass(frozen=True, slots=True)
class Goal:
    """`ours` is to be at least `at_least` times as fast as `other`."""

    ours: str
    other: str
    at_least: float


GOALS = (
    Goal("instream", "copy", 0.5),
    Goal("instream-eo", "copy-eo", 0.5),
    Goal("instream", "naive", 4),
    Goal("instream", "quix", 4),
    Goal("instream", "kafka-streams", 2),
    Goal("instream-eo", "instream", 0.75),
    Goal("instream-2", "instream", 1.4),
)

SERVE = (
    Goal("json instream", "json mlserver", 8),
    Goal("json instream", "json mlserver-batch", 8),
    Goal("json instream", "json fastapi", 2),
    Goal("json instream", "json bare-rest", 0.6),
    Goal("512 instream", "512 bare-grpc", 0.7),
    Goal("512-arrow instream", "512 bare-grpc", 0.7),
)
"""Of `benchmarks serve`: a case and a server each."""

STRATEGIES = (Goal("remote-grpc", "embedded", 0.5), Goal("remote-http", "embedded", 0.5))
"""Of `benchmarks strategies`, by rate and by records a CPU second."""

ENGINES = (
    Goal("instream-flink", "flink-empty", 0.8),
    Goal("instream-flink", "flink-pandas", 1),
    Goal("instream-flink", "flink-map", 2.5),
    Goal("instream-flink", "flink-java", 1),
    Goal("instream-spark", "spark-empty", 0.8),
    Goal("instream-spark", "spark-arrow", 1),
    Goal("instream-spark", "spark-udf", 2.5),
)
"""Of `benchmarks engines`."""
ENGINES_BY_CPU = tuple(
    Goal("instream-2", other, 1)
    for other in ("instream-flink", "flink-empty", "flink-pandas", "flink-java", "instream-spark", "spark-empty", "spark-arrow")
)
"""The same by records a CPU second: our own workers against everything on an engine."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the figures of all rounds."""

    median: float
    low: float
    high: float


def spread(figures: Sequence[float]) -> Spread:
    return Spread(median(figures), min(figures), max(figures))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A goal and what became of it; each round gives one ratio, of neighbours in time."""

    goal: Goal
    found: Spread

    @property
    def met(self) -> bool:
        return self.found.median >= self.goal.at_least


def ratios(rounds: Sequence[Sequence[Drained]]) -> list[Ratio]:
    """The goals of throughput whose two sides took part."""
    return compared([{each.contestant: each.rate for each in of_round} for of_round in rounds], GOALS)


def compared(rounds: Sequence[Mapping[str, float]], goals: Sequence[Goal]) -> list[Ratio]:
    """The goals whose two sides have a figure in every round; more is better."""
    return [
        Ratio(goal, spread([of_round[goal.ours] / of_round[goal.other] for of_round in rounds]))
        for goal in goals
        if all(goal.ours in of_round and goal.other in of_round for of_round in rounds)
    ]
