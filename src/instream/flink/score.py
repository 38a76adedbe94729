"""A pipeline's scoring inside somebody's own job: their source, their sink, their configuration."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment, Table, TableEnvironment
from pyflink.table.expressions import call, col
from pyflink.table.types import DataType

from instream.codecs.fields import Field
from instream.errors import SettingsInvalid
from instream.flink.configuration import workers_of
from instream.flink.rows import rows_function
from instream.flink.types import arrow_type
from instream.hosted import Hosted, Job
from instream.hosted.columns import ERROR, KEPT, job_for_columns
from instream.settings import Pipeline, load

Rows = TypeVar("Rows", Table, DataStream)
_ANSWER = "instream_answer"


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scoring part of a pipeline file, and what its model reads and gives."""

    settings: Pipeline
    job: Job
    reads: Mapping[str, Sequence[Field]]
    gives: pa.Schema

    @property
    def answer(self) -> list[str]:
        """Names of the columns that a table gets."""
        return [*self.gives.names, ERROR]


def scoring_of(file: str | Path) -> Scoring:
    """Read a pipeline file, and load its model once to know its columns. Raises what `load` and `Hosted` raise."""
    settings = load(Path(file))
    job = job_for_columns(settings)
    with contextlib.closing(Hosted(job)) as loaded:
        return Scoring(settings, job, loaded.reads, loaded.gives)


def score(rows: Rows, file: str | Path) -> Rows:
    """Score a table, or a stream of rows with named fields, by the scoring part of a pipeline file.

    Args:
        rows: its columns are the fields; those that the model does not read never leave the JVM.
        file: `[source]` and `[sink]` are not needed. A path, relative to the working directory.
    Returns:
        All its columns, the model's outputs, the stamps of `[output] stamps` (the version, by default), and `error`: null where
        a row was scored, else `code: message`. Rows that the feature step leaves out are not there.
    Raises:
        SettingsInvalid: columns are missing, of another type, or would be there twice.
        InstreamError: file, store or model cannot be used.
    """
    scoring = scoring_of(file)
    if isinstance(rows, Table):
        return scored_table(rows, scoring)
    tables = StreamTableEnvironment.create(rows.get_execution_environment())
    return tables.to_data_stream(scored_table(tables.from_data_stream(rows), scoring))


def scored_table(table: Table, scoring: Scoring) -> Table:
    """See `score`."""
    schema = table.get_resolved_schema()
    names, kinds = list(schema.get_column_names()), list(schema.get_column_data_types())
    twice = sorted(set(names) & set(scoring.answer))
    if twice:
        raise SettingsInvalid(f"the table has columns that scoring adds: {', '.join(twice)}; rename them before, or select the others")
    set_missing(table._t_env, scoring.settings)
    called = f"score_{re.sub(r'[^A-Za-z0-9_]', '_', scoring.settings.name)}"  # what plans and the web UI say
    table._t_env.drop_temporary_function(called)
    table._t_env.create_temporary_function(called, function_for(scoring, dict(zip(names, kinds, strict=True)), called))
    answered = table.add_columns(call(called, *[col(name) for name in scoring.reads]).alias(_ANSWER)).where(col(_ANSWER).get(KEPT))
    return answered.select(*[col(name) for name in names], *[col(_ANSWER).get(name).alias(name) for name in scoring.answer])


def function_for(scoring: Scoring, columns: Mapping[str, DataType], name: str) -> Any:
    """The function for a table with these columns. Raises SettingsInvalid."""
    absent = [column for column in scoring.reads if column not in columns]
    if absent:
        raise SettingsInvalid(
            f"the model reads {', '.join(scoring.reads)}, and the table has no {', '.join(absent)}, only {', '.join(columns)}: add them, "
            "or say in [source.fields] what they are called"
        )
    kinds = [arrow_type(column, columns[column], fields[0]) for column, fields in scoring.reads.items()]
    return rows_function(scoring.job, list(scoring.reads), kinds, scoring.gives, name)


def set_missing(tables: TableEnvironment, settings: Pipeline) -> None:
    """The environment is theirs: what they have set stays. Flink's own defaults would cut batches at 1,000 rows."""
    configuration = tables.get_config().get_configuration()
    local = configuration.get_string("execution.target", "local") == "local"
    for key, value in workers_of(settings).items():
        if not configuration.contains_key(key) and (local or "executable" not in key):
            tables.get_config().set(key, str(value).lower() if isinstance(value, bool) else str(value))
