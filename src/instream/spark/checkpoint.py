"""Where a pipeline's positions and pins are kept: `engine.checkpoints`/NAME/1, and 2 after `--from`, and so on.

The highest number is in force, and a run goes on from it. Spark keeps no positions in Kafka. What came before `--from` stays
under its number, for whoever wants to look or to go back (by removing the higher ones); nothing removes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from instream.secrets import resolve
from instream.settings import Pipeline

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One beginning of a pipeline and all that came since. `old` says whether an earlier run made it."""

    folder: str
    old: bool

    @property
    def query(self) -> str:
        """Spark's own."""
        return f"{self.folder}/query"

    @property
    def pins(self) -> str:
        return f"{self.folder}/pins"


def checkpoint_of(spark: SparkSession, settings: Pipeline, start: str | None) -> Checkpoint:
    """The one that this run goes on from, or a new one.

    Args:
        start: of `--from`; not None begins anew.
    """
    base = _base(settings)
    last = max(_numbers(spark, base), default=0)
    number = last + 1 if start is not None else max(last, 1)
    return Checkpoint(f"{base}/{number}", old=number == last)


def _base(settings: Pipeline) -> str:
    given = resolve(settings.engine.checkpoints, settings.folder)
    where = given if _URL.match(given) else f"file://{(settings.folder / given).absolute()}"  # Hadoop's paths are not quoted
    return f"{where.rstrip('/')}/{settings.name}"


def _numbers(spark: SparkSession, base: str) -> list[int]:
    """Of the folders that are there."""
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(base)
    files = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    if not files.exists(path):
        return []
    names = [each.getPath().getName() for each in files.listStatus(path)]
    return [int(name) for name in names if name.isdecimal()]
