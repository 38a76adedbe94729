"""What tasks tell the driver about a batch, beside its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.accumulators import AccumulatorParam

from instream.errors import raised_elsewhere


@dataclass(slots=True)
class Tally:
    """Counts of records; Spark adds up those of tasks that ended well, each once.

    Attributes:
        versions: by model version, how many records it scored or refused.
        fatal: class and message of an error that no retry helps. The task ends well all the same, so that Spark does not
            try it again, and the driver ends the pipeline before the batch counts as done.
    """

    records_in: int = 0
    records_out: int = 0
    dead_letters: int = 0
    filtered: int = 0
    versions: Counter[int] = field(default_factory=Counter)
    fatal: tuple[str, str] | None = None

    def plus(self, other: Tally) -> Tally:
        return Tally(
            self.records_in + other.records_in,
            self.records_out + other.records_out,
            self.dead_letters + other.dead_letters,
            self.filtered + other.filtered,
            self.versions + other.versions,
            self.fatal or other.fatal,
        )

    def figures(self) -> Mapping[str, int]:
        """The counts by name, as operators see them."""
        return {
            "records_in": self.records_in,
            "records_out": self.records_out,
            "dead_letters": self.dead_letters,
            "filtered": self.filtered,
        }

    def raise_fatal(self) -> None:
        """Raises the error that a task met, if one did."""
        if self.fatal is not None:
            raise raised_elsewhere(*self.fatal)


class Adding(AccumulatorParam[Tally]):  # type: ignore[misc]  # PySpark's types are not looked at
    """How Spark adds tallies up."""

    def zero(self, value: Tally) -> Tally:
        return Tally()

    def addInPlace(self, value1: Tally, value2: Tally) -> Tally:
        return value1.plus(value2)
