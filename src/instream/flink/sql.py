"""A pipeline's scoring as a function of SQL.

```python
instream.flink.register(t_env, "score_delay", "pipeline.toml")
t_env.sql_query("SELECT id, s.y, s.version, s.error FROM (SELECT id, score_delay(x) AS s FROM flights)")
```

Where nobody writes Python, as in Flink's SQL client, the function has the name of a pipeline file in the folder that the
environment variable INSTREAM_PIPELINES names:

```sql
CREATE TEMPORARY FUNCTION score_delay AS 'instream.flink.sql.delays' LANGUAGE PYTHON
```
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyflink.table import TableEnvironment

from instream.errors import SettingsInvalid
from instream.flink.rows import rows_function
from instream.flink.score import Scoring, scoring_of, set_missing

FOLDER = "INSTREAM_PIPELINES"


def register(tables: TableEnvironment, name: str, file: str | Path) -> Sequence[str]:
    """Make a function known to SQL, which gives a ROW of the model's outputs, the stamps and `error`; and `kept`.

    A row that the feature step leaves out cannot be left out by a function: its `kept` is false, and its `error` says so.

    Args:
        name: of the function.
        file: `[source]` and `[sink]` are not needed. A path, relative to the working directory.
    Returns:
        What its arguments are, in order: the columns that the model reads. Values of another type are cast as SQL casts.
    Raises:
        InstreamError: file, store or model cannot be used.
    """
    scoring = scoring_of(file)
    set_missing(tables, scoring.settings)
    tables.drop_temporary_function(name)
    tables.create_temporary_function(name, _function(scoring, name))
    return list(scoring.reads)


def _function(scoring: Scoring, name: str) -> Any:
    inside = [column for column, fields in scoring.reads.items() if fields[0].pointer.lstrip("/") != column]
    if inside:
        raise SettingsInvalid(
            f"[source.fields] reads inside of {', '.join(inside)}: a function of SQL takes plain values. Name plain columns there, or use "
            "instream.flink.score, which takes a table"
        )
    kinds = [fields[0].type for fields in scoring.reads.values()]
    return rows_function(scoring.job, list(scoring.reads), kinds, scoring.gives, name)


def __getattr__(name: str) -> Any:
    """What `LANGUAGE PYTHON` looks up: `delays` is the pipeline file delays.toml in $INSTREAM_PIPELINES.

    Raises:
        AttributeError: there is no such file. No other error: pickle asks every module of a process for the names that it looks for.
    """
    file = Path(os.environ.get(FOLDER, ""), f"{name}.toml")
    if FOLDER not in os.environ or not file.is_file():
        raise AttributeError(f"instream.flink.sql.{name}: no file {file}; set {FOLDER} to the folder that has {name}.toml")
    return _function(scoring_of(file), name)
