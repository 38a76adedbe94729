"""What a supervisor and its children tell each other: one JSON object a line."""

from __future__ import annotations

import msgspec

LINE_BYTES_MAX = 1 << 20


class Start(msgspec.Struct, frozen=True):
    """The first line to a child.

    Attributes:
        slot: its number within the pipeline, the same after a restart; of all workers of that pipeline on this machine, only it has it.
        blackbox: the file in which it notes what it is working on.
        work: what the child is to do, for its entry point to read.
    """

    slot: int
    blackbox: str
    work: msgspec.Raw


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Finish what is in flight and end."""

    within_s: float


class Report(msgspec.Struct, frozen=True, tag="report"):
    """What a child did since it started, and how it is; twice a second.

    Attributes:
        behind: records between position and end; None when unknown.
        before: records before the position where this run began.
        waiting_for: why nothing moves, when something is in the way.
        versions: of the model, loaded and in use.
        refused: why a newer head is not adopted.
    """

    ready: bool = False
    records_in: int = 0
    records_out: int = 0
    dead_letters: int = 0
    filtered: int = 0
    behind: int | None = None
    before: int = 0
    waiting_for: str = ""
    head: int = 0
    versions: tuple[int, ...] = ()
    refused: str = ""


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The child ends well."""

    reason: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The child ends with an error; `exit` is the status for the whole pipeline, None when a restart may help."""

    message: str
    exit: int | None = None


FromChild = Report | Ended | Failed


def line(message: Start | Drain | FromChild) -> bytes:
    return msgspec.json.encode(message) + b"\n"
