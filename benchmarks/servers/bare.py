"""What the same HTTP and gRPC libraries allow, were there nothing of instream between them and the model."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.servers.protocol import Place, Server


def _rest(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", "benchmarks.peers.bare_rest", str(place.model), str(place.http)]


def _grpc(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", "benchmarks.peers.bare_grpc", str(place.model), str(place.grpc)]


BARE_REST = Server("bare-rest", "bare granian handler", _rest)
BARE_GRPC = Server("bare-grpc", "bare grpc.aio service", _grpc)
