"""What PyFlink and its Python workers find in the environment of this process, and what they must not find there."""

from __future__ import annotations

import os
from pathlib import Path

import pyflink

from instream.engines.jars import cache_folder
from instream.errors import SetUpFailed
from instream.settings import Pipeline

_PLACES = ("FLINK_HOME", "FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_OPT_DIR", "FLINK_PLUGINS_DIR")
_STEERING = ("PYFLINK_GATEWAY_PORT", "PYFLINK_GATEWAY_DISABLED", "PYFLINK_CLIENT_EXECUTABLE", "PYFLINK_EXECUTABLE", "SUBMIT_ARGS")
_MODE = "_python_worker_execution_mode"
_JVM = "-Xmx1g -XX:+UseParallelGC"
"""Of the JVM here. The collector that is Java's default, for short pauses, takes a tenth more CPU time."""


def check_surroundings() -> None:
    """Raises SetUpFailed: a variable leads to another Flink than the one installed beside PyFlink."""
    home = Path(pyflink.__file__).resolve().parent
    for name in _PLACES:
        given = os.environ.get(name)
        if given and not Path(given).resolve().is_relative_to(home):
            raise SetUpFailed(
                f"the environment variable {name} is {given}, which is not the Flink of this Python environment ({home}): unset it: "
                f"env -u {name} instream run …"
            )
    for name in _STEERING:
        if os.environ.get(name):
            raise SetUpFailed(f"the environment variable {name} leads PyFlink to another Java or Python: env -u {name} instream run …")


def set_surroundings(settings: Pipeline) -> Path:
    """Set what is not set yet; where Flink's log goes. Before the first call of PyFlink, whose JVM and workers inherit it.

    Python workers are processes of their own: as threads of this one they would share its interpreter.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault(_MODE, "process")
    os.environ.setdefault("JVM_ARGS", _JVM)
    os.environ.setdefault("LOG4J_PROPERTIES", str(Path(__file__).with_name("log4j.properties")))
    folder = Path(os.environ.setdefault("FLINK_LOG_DIR", str(cache_folder() / "flink-log")))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["FLINK_IDENT_STRING"] = settings.name
    return folder / f"flink-{settings.name}-python-{os.uname().nodename}.log"
