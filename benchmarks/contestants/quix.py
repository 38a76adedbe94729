"""(c) Quix Streams with onnxruntime, in an environment of its own: it pins another confluent-kafka."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants.protocol import Contestant, Job
from instream.testing.jars import cache_folder

_PINS = Path(__file__).parent.parent / "peers" / "quix.lock"
_LOOP = Path(__file__).parent.parent / "peers" / "quix_loop.py"


def _environment() -> Path:
    digest = hashlib.sha256(_PINS.read_bytes()).hexdigest()[:12]
    return cache_folder() / f"bench-quix-{digest}"


def prepare() -> None:
    """Make the environment from the pins, unless it is there."""
    environment = _environment()
    if (environment / "ready").exists():
        return
    uv = _uv()
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(environment / "bin/python"), "-r", str(_PINS)], check=True)
    (environment / "ready").touch()


def _uv() -> str:
    """The uv that `make` installed, else the one on the PATH."""
    made = sorted(cache_folder().glob("uv*/bin/uv"))
    found = str(made[-1]) if made else shutil.which("uv")
    if found is None:
        raise FileNotFoundError("uv is needed for the environment of Quix Streams: run `make setup` first")
    return found


def _command(job: Job) -> Sequence[str]:
    return [str(_environment() / "bin/python"), str(_LOOP), job.bootstrap, job.source, job.sink, job.group, str(job.model)]


QUIX = Contestant("quix", "Quix Streams, onnxruntime", _command, prepare=prepare)
