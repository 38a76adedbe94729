"""What Flink calls in its Python workers for each batch of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.udf import udf

from instream.flink.hosting import Hosting
from instream.hosted import Job, written
from instream.pipeline.letter import HEADERS
from instream.records import Headers, Records


class Score(Hosting):
    """From `value`, `partition`, `offset` to what is written, and what the headers of a dead letter say.

    A filtered record has no value. `said` has a place for each of `HEADERS`, and is null for an output.
    """

    def __init__(self, job: Job, topic: str, folder: str | None) -> None:
        """Name what is scored; `folder` is the pipeline's on the worker, in its working directory."""
        super().__init__(job)
        self._topic = topic
        self._folder = folder

    def open(self, function_context: Any) -> None:
        if self._folder is not None:
            self.job = self.job.moved(Path(self._folder))
        super().open(function_context)

    def eval(self, value: pd.Series[Any], partition: pd.Series[Any], offset: pd.Series[Any]) -> pd.DataFrame:
        """A batch."""
        records = Records(
            topic=self._topic,
            values=value.tolist(),
            partitions=np.asarray(partition, np.int32),
            offsets=np.asarray(offset, np.int64),
            positions={},  # Flink's source keeps them
        )
        made = written(records, self.process(records), pipeline=self.hosted.pipeline)
        said: list[list[bytes | None] | None] = [None] * len(records)
        for row, headers in made.dead.items():
            said[row] = _said(headers)
        return pd.DataFrame({"value": _objects(made.values), "said": _objects(said)}, copy=False)


def _objects(values: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(values, dtype=object)


def _said(headers: Headers) -> list[bytes | None]:
    """A place for each header that a dead letter may have; null where it has not."""
    found: Mapping[str, bytes | None] = dict(headers)
    return [found.get(name) for name in HEADERS]


def function_of(job: Job, topic: str, name: str, folder: str | None = None) -> Any:
    """As the Table API takes it."""
    result = DataTypes.ROW([DataTypes.FIELD("value", DataTypes.BYTES()), DataTypes.FIELD("said", DataTypes.ARRAY(DataTypes.BYTES()))])
    return udf(Score(job, topic, folder), result_type=result, func_type="pandas", name=name)
