"""Jars of a pom, fetched once by Maven and cached outside the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from instream.errors import SetUpFailed

_FETCH_S_MAX = 600


def cache_folder() -> Path:
    """Where instream keeps what it downloads: `$XDG_CACHE_HOME/instream`, else `~/.cache/instream`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "instream"


def jars(pom: Path, name: str) -> Path:
    """The folder with every jar that `pom` needs, fetched when it is not there yet.

    Safe when several processes ask at once: one fetches, the others wait for it. A fetch that was cut
    leaves nothing under `name`.

    Args:
        pom: a Maven project with pinned versions.
        name: of the folder in the cache; it must change when the pom does.
    Raises:
        SetUpFailed: Java or Maven is missing, or Maven failed; says what to do.
    """
    for program, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            raise SetUpFailed(f"{name} needs `{program}`, which is not on the PATH: apt-get install {package}")
    cache = cache_folder()
    folder = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(pom, folder)
    return folder


def _fetch(pom: Path, folder: Path) -> None:
    print(f"Fetching {folder.name} with Maven, once, into {folder} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        arriving = Path(work) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={arriving}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_S_MAX, stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired as error:
            raise SetUpFailed(f"{folder.name}: Maven did not finish in {_FETCH_S_MAX} s; try again: {' '.join(command)}") from error
        if done.returncode or not any(arriving.glob("*.jar")):
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise SetUpFailed(f"{folder.name}: Maven could not fetch the jars; is its repository reachable? {' '.join(command)}\n{last}")
        arriving.rename(folder)
