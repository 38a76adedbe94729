"""Model servers that are compared. A new one is one file here, one line below and in `cases.py`, and its program in `peers/`."""

from __future__ import annotations

from benchmarks.servers.bare import BARE_GRPC, BARE_REST
from benchmarks.servers.fastapi import FASTAPI
from benchmarks.servers.mlserver import MLSERVER, MLSERVER_BATCH
from benchmarks.servers.ours import INSTREAM
from benchmarks.servers.protocol import Place, Server

ALL: tuple[Server, ...] = (INSTREAM, BARE_REST, BARE_GRPC, FASTAPI, MLSERVER, MLSERVER_BATCH)

__all__ = ["ALL", "BARE_GRPC", "BARE_REST", "FASTAPI", "INSTREAM", "MLSERVER", "MLSERVER_BATCH", "Place", "Server"]
