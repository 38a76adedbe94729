"""Who is asked what, over how many connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.servers import BARE_GRPC, BARE_REST, FASTAPI, INSTREAM, MLSERVER, MLSERVER_BATCH, Server
from benchmarks.serving.questions import Question, in_arrow, in_binary, in_json, in_messages


@dataclass(frozen=True, slots=True)
class Case:
    """One table.

    Attributes:
        bare: the server that others are compared with, since it has only what nobody can do without.
        asked: each server, and what it is asked; the name of the question before the server's is what goals call it.
    """

    title: str
    connections: int
    bare: str
    asked: Sequence[tuple[str, Server, Callable[[], Question]]]


CASES: Sequence[Case] = (
    Case(
        "REST, JSON, one row",
        32,
        "json bare-rest",
        [("json", each, lambda: in_json(1)) for each in (INSTREAM, BARE_REST, FASTAPI, MLSERVER, MLSERVER_BATCH)],
    ),
    Case(
        "REST, binary tensors, one row", 32, "binary bare-rest", [("binary", each, lambda: in_binary(1)) for each in (INSTREAM, BARE_REST)]
    ),
    Case(
        "gRPC, one row",
        32,
        "row bare-grpc",
        [("row", each, lambda: in_messages(1)) for each in (INSTREAM, BARE_GRPC, MLSERVER)],
    ),
    Case(
        "gRPC, 512 rows a call",
        8,
        "512 bare-grpc",
        [
            *(("512", each, lambda: in_messages(512)) for each in (INSTREAM, BARE_GRPC)),
            ("512-arrow", INSTREAM, lambda: in_arrow(512)),
        ],
    ),
)
