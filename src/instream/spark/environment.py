"""Variables by which another Spark could come in the place of the one that is installed here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyspark

from instream.errors import SetUpFailed

WANTED = "4.2.0"
"""The PySpark that the Kafka jars are of (`engines/kafka_jars.py`)."""


def check_environment() -> Sequence[str]:
    """What a person should know: variables that change what runs, and are no fault.

    Raises:
        SetUpFailed: PySpark is another version, or a variable leads to another Spark; says which, and what to do.
    """
    home = Path(pyspark.__file__).parent
    if pyspark.__version__ != WANTED:
        raise SetUpFailed(f"pyspark {pyspark.__version__} in {home}: instream needs {WANTED}: pip install 'instream[spark]'")
    given = os.environ.get("SPARK_HOME")
    if given and Path(given).resolve() != home.resolve():
        raise SetUpFailed(f"SPARK_HOME = {given} is another Spark than PySpark {WANTED} in {home}: unset SPARK_HOME for this command")
    for variable in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "PYSPARK_GATEWAY_PORT"):
        if os.environ.get(variable):
            raise SetUpFailed(f"{variable} = {os.environ[variable]} makes PySpark use a Spark that already runs: unset it for this command")
    _check_python_path(home)
    return [*_defaults(), *_arguments()]


def _check_python_path(home: Path) -> None:
    """The Python workers get PYTHONPATH, too, and would import what lies there."""
    for entry in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        other = Path(entry) / "pyspark"
        if (other / "__init__.py").exists() and other.resolve() != home.resolve():
            raise SetUpFailed(f"PYTHONPATH has another PySpark in {entry}: take that out for this command (PySpark {WANTED} is in {home})")
        if "pyspark" in Path(entry).name and entry.endswith(".zip"):
            raise SetUpFailed(f"PYTHONPATH has another PySpark, {entry}: take that out for this command (PySpark {WANTED} is in {home})")


def _defaults() -> Sequence[str]:
    given = os.environ.get("SPARK_CONF_DIR")
    if not given:
        return []
    file = Path(given) / "spark-defaults.conf"
    return [f"SPARK_CONF_DIR = {given}: {file.name} there changes what this run's settings do not say"] if file.exists() else []


def _arguments() -> Sequence[str]:
    given = os.environ.get("PYSPARK_SUBMIT_ARGS")
    return [f"PYSPARK_SUBMIT_ARGS = {given!r} is put before this run's settings"] if given else []
