"""What a run says about itself now and then, and what Spark's own metric system gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import SparkSession

from instream.flow.clock import SYSTEM, Clock
from instream.spark.tally import Tally

_SAID_EVERY_S = 5.0


class Progress:
    """Spark's thread counts, the driver's says."""

    def __init__(self, name: str, spark: SparkSession, say: Callable[[str], None], clock: Clock = SYSTEM) -> None:
        self._name = name
        self._say = say
        self._clock = clock
        self._accumulators = _accumulators(name, spark)
        self._total = Tally()
        self._said = 0
        self._said_ns = clock.monotonic_ns()
        self.batches = 0
        """That were written since this run began."""

    def counted(self, tally: Tally) -> None:
        """A batch was written."""
        self._total = self._total.plus(tally)
        self.batches += 1
        for name, count in tally.figures().items():
            self._accumulators[name].add(count)

    def tick(self, restarts: int) -> None:
        """Say something, if it is time and there is something new."""
        since_s = (self._clock.monotonic_ns() - self._said_ns) / 1e9
        if since_s >= _SAID_EVERY_S:
            if self._total.records_in > self._said:
                self._say(self._line((self._total.records_in - self._said) / since_s, restarts))
            self._said, self._said_ns = self._total.records_in, self._clock.monotonic_ns()

    def end(self, restarts: int) -> None:
        """Say what the run did."""
        self._say(f"{self._name}: ended; {self._figures(restarts)}")

    def _line(self, rate: float, restarts: int) -> str:
        return f"{self._name}: {rate:,.0f} records/s; {self._figures(restarts)}"

    def _figures(self, restarts: int) -> str:
        total = self._total
        said = f"{total.records_in:,} in, {total.records_out:,} out, {total.dead_letters:,} dead letters, {total.filtered:,} filtered"
        versions = ", ".join(f"{count:,} by version {version}" for version, count in sorted(total.versions.items()))
        return said + (f"; {versions}" if versions else "") + (f"; {restarts} restarts" if restarts else "")


def _accumulators(name: str, spark: SparkSession) -> Mapping[str, Any]:
    """Counters that Spark's metric system (its sinks, JMX, /metrics/prometheus) shows as instream.NAME.records_in and so on."""
    context, jvm = spark.sparkContext._jsc.sc(), spark.sparkContext._jvm
    assert jvm is not None
    made = {figure: context.longAccumulator(f"instream.{name}.{figure}") for figure in Tally().figures()}
    named = jvm.java.util.HashMap()
    for figure, accumulator in made.items():
        named.put(f"instream.{name}.{figure}", accumulator)
    registry = getattr(getattr(jvm.org.apache.spark.metrics.source, "LongAccumulatorSource$"), "MODULE$")
    registry.register(context, jvm.PythonUtils.toScalaMap(named))
    return made
