"""A pipeline in a shell pipe: records into its standard input, outputs from its standard output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHUNK_BYTES = 1 << 20


class Pipe:
    """`instream run delays.toml` between two pipes."""

    def __init__(self, folder: Path, *options: str) -> None:
        with (folder / "pipeline.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*INSTREAM, "run", str(folder / "delays.toml"), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def write(self, records: Sequence[bytes]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n".join(records) + b"\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def read(self) -> bytes | None:
        assert self._process.stdout is not None
        return os.read(self._process.stdout.fileno(), CHUNK_BYTES) or None

    def wait(self) -> None:
        """Raises SystemExit when the pipeline failed."""
        if self._process.wait(60):
            raise SystemExit(f"the pipeline ended with exit status {self._process.returncode}; its log says why")

    def close(self) -> None:
        """Whatever happened, leave no process behind."""
        if self._process.poll() is None:
            self._process.terminate()


INSTREAM = (str(Path(sys.executable).with_name("instream")),)
"""The command, as a user would type it."""
