"""Pipelines on Spark: in an environment of its own, since PySpark and PyFlink do not install together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from instream.testing.kafka import Broker
from instream.testing.spark import SparkPipeline, spark_pipeline

collect_ignore_glob = ["test_*.py", "submitting.py"] if find_spec("pyspark") is None else []
"""Elsewhere there is nothing to import."""

Make = Callable[..., SparkPipeline]


@pytest.fixture
def make(broker: Broker, unique: str, tmp_path: Path) -> Iterator[Make]:
    """Makes the pipeline of a test; what still runs after it is killed."""
    made: list[SparkPipeline] = []

    def spark(**options: str) -> SparkPipeline:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(spark_pipeline(broker.bootstrap, f"{unique}{len(made) or ''}", folder, **options))
        return made[-1]

    yield spark
    for each in made:
        each.end()
