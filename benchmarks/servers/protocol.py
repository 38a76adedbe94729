"""What a server is: a command that answers questions about one ONNX file at two ports until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants.protocol import ready


@dataclass(frozen=True, slots=True)
class Place:
    """The same for everyone.

    Attributes:
        model: the ONNX file, to be served under its stem.
        folder: of this run, empty.
        http, grpc: free ports on loopback.
    """

    model: Path
    folder: Path
    http: int
    grpc: int


@dataclass(frozen=True, slots=True)
class Server:
    """One who takes part.

    Attributes:
        command: serves; ends on SIGTERM.
        prepare: install, once; a second time it is quick.
    """

    name: str
    about: str
    command: Callable[[Place], Sequence[str]]
    prepare: Callable[[], object] = ready
