"""Flink or Spark: is what they need installed?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from instream.check.finding import Finding, error, guarded, ok
from instream.engines.java import check_java
from instream.engines.kafka_jars import Engine, kafka_jars
from instream.settings import Pipeline


def check_engine(settings: Pipeline) -> Iterator[Finding]:
    """Library, Java and jars; nothing for our own workers, which need none."""
    kind = settings.engine.kind
    if kind == "workers":
        return
    if find_spec(f"py{kind}") is None:
        yield error("engine", f"{kind.capitalize()} is not installed in this environment", f"pip install 'instream[{kind}]'")
        return
    yield from guarded("engine", _java, kind)
    yield from guarded("engine", _jars, kind, settings)


def _java(kind: Engine) -> Iterator[Finding]:
    yield ok("engine", f"{check_java(kind)} will do for {kind.capitalize()}")


def _jars(kind: Engine, settings: Pipeline) -> Iterator[Finding]:
    found = kafka_jars(kind, settings)
    yield ok("engine", f"the Kafka connector is there: {', '.join(Path(jar).name for jar in found)}")
