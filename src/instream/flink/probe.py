"""What the workers of a cluster have, asked by a small job before the pipeline's."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from py4j.protocol import Py4JJavaError
from pyflink.table import DataTypes, ScalarFunction, TableEnvironment
from pyflink.table.udf import udf

from instream.errors import SetUpFailed
from instream.flink.failures import cause_in
from instream.hosted.versions import Versions, versions

_ROWS_A_TASK = 2


class Probe(ScalarFunction):  # type: ignore[misc]  # of a library without types
    """Host and versions as JSON. A class by its name, not a function by its code, which another Python could not read."""

    def is_deterministic(self) -> bool:
        return False

    def eval(self, _: Any) -> str:
        """Of the process that this runs in."""
        return json.dumps([socket.gethostname(), dict(versions())])


def versions_there(tables: TableEnvironment, tasks: int) -> Mapping[str, Versions]:
    """The versions of the workers, by host.

    Args:
        tables: an environment of the cluster, whose default parallelism is `tasks`.
    Raises:
        SetUpFailed: the workers cannot run Python, or not ours; says what Flink said.
    """
    last = _ROWS_A_TASK * tasks - 1
    tables.execute_sql(
        "CREATE TEMPORARY TABLE instream_probe (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', "
        f"'fields.n.start' = '0', 'fields.n.end' = '{last}')"
    )
    tables.create_temporary_function("instream_versions", udf(Probe(), result_type=DataTypes.STRING(), name="instream_versions"))
    try:
        with tables.execute_sql("SELECT instream_versions(n) FROM instream_probe").collect() as rows:
            return dict(json.loads(row[0]) for row in rows)
    except Py4JJavaError as error:
        raise SetUpFailed(
            f"the cluster's workers cannot run this pipeline's Python: {cause_in(str(error))}. Install there what is installed here "
            '(instream[flink] and the model\'s libraries), and say where: [engine.options] "python.executable" = "/path/to/python"'
        ) from None
