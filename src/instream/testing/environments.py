"""Python environments of programs that cannot share ours, made from pins and cached outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from instream.engines.jars import cache_folder
from instream.testing.services import ServiceFailed

_INSTALL_S_MAX = 900


def environment(name: str, pins: Path) -> Path:
    """The Python of the environment with these pins; it is made when it is not there yet.

    Safe when several processes ask at once: one makes it, the others wait for it.

    Args:
        pins: as `uv pip compile --generate-hashes` writes them.
    Raises:
        ServiceFailed: uv is missing, or could not install; says what to do.
    """
    text = pins.read_bytes()
    cache = cache_folder()
    folder = cache / f"{name}-{hashlib.sha256(text).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _make(folder, pins, ["--require-hashes"] if b"--hash=" in text else [])
    return folder / "bin/python"


def _make(folder: Path, pins: Path, options: list[str]) -> None:
    print(f"Making the environment {folder.name}, once, in {folder.parent} …", file=sys.stderr, flush=True)
    uv = _uv()
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", *options, "--python", str(folder / "bin/python"), "-r", str(pins)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S_MAX, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise ServiceFailed(f"{folder.name} cannot be made: {' '.join(command)}\n{done.stderr.strip()[-2_000:]}")
    (folder / "ready").touch()


def _uv() -> str:
    """The uv that `make` installed, else the one on the PATH."""
    made = sorted(cache_folder().glob("uv*/bin/uv"))
    found = str(made[-1]) if made else shutil.which("uv")
    if found is None:
        raise ServiceFailed("uv is needed to make an environment: run `make setup` first")
    return found
