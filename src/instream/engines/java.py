"""Java, found and looked at before anything starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from instream.engines.kafka_jars import Engine
from instream.errors import SetUpFailed

RUNS_ON: Mapping[Engine, range] = {"flink": range(11, 22), "spark": range(17, 26)}
"""The versions of Java that Flink 2.3 and Spark 4.2 start on."""

_ANSWER_S = 20.0
_FIX = "apt-get install openjdk-17-jre-headless, or let JAVA_HOME point to one"


def check_java(engine: Engine) -> str:
    """The program that the engine will take: of JAVA_HOME, else the first on the PATH.

    Raises:
        SetUpFailed: there is none, or one that the engine does not start on; says which was found and what to do.
    """
    named, runs_on = engine.capitalize(), RUNS_ON[engine]
    needs = f"{named} needs Java {runs_on[0]} to {runs_on[-1]}"
    home = os.environ.get("JAVA_HOME")
    program = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if program is None:
        raise SetUpFailed(f"{needs}, and there is no `java` on the PATH and no JAVA_HOME: {_FIX}")
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetUpFailed(f"{needs}, and {program} does not run ({error}): {_FIX}") from error
    said = done.stderr + done.stdout
    version = version_of(said)
    if version is None:
        raise SetUpFailed(f"{needs}, and `{program} -version` tells none: {said.strip()[:200]!r}: {_FIX}")
    if version not in runs_on:
        raise SetUpFailed(f"{needs}, and {program} is Java {version}: {_FIX}")
    return program


def version_of(said: str) -> int | None:
    """The version that `java -version` tells; None where it tells none.

    >>> version_of('openjdk version "17.0.15" 2025-04-15'), version_of('java version "1.8.0_292"'), version_of("no")
    (17, 8, None)
    """
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None
