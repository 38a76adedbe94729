"""Granian and grpc.aio in one event loop: listen, and stop without losing an answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from granian._granian import SocketHolder  # no public way to serve on a socket that was inherited
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server as Embedded

from instream.errors import SettingsInvalid
from instream.server.rest import Rest
from instream.server.rpc import Rpc
from instream.server.settings import Server

_BACKLOG = 1_024
_HTTP1_BUFFER = 8 << 10  # of each connection: what a client sent of a body that nobody reads stays in the kernel
_HTTP2_WINDOW = 256 << 10
_GRPC_WINDOW = 8 << 10  # of each call, before its message is wanted
_HEALTH_CALLS = 100  # beside those that are taken on; more are refused by gRPC itself, and take no memory
_HEADER_BYTES = 16 << 10
_HEAD_MS = 10_000


class _Inherited(Embedded):  # type: ignore[misc]
    """Serves on a listening socket of the parent's, so that connections wait there while a process is replaced."""

    def __init__(self, *args: Any, listener: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._shd = SocketHolder(os.dup(self._listener), False, _BACKLOG)  # type: ignore[call-arg]


class Http:
    """The REST port."""

    def __init__(self, rest: Rest, settings: Server) -> None:
        assert settings.listener is not None
        self._server = _Inherited(
            rest,
            listener=settings.listener,
            websockets=False,
            log_enabled=False,
            backlog=_BACKLOG,
            backpressure=settings.limits.requests * 2,  # beyond what is taken on there must be room to say no
            http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MS, max_buffer_size=_HTTP1_BUFFER),
            http2_settings=HTTP2Settings(
                initial_connection_window_size=_HTTP2_WINDOW,
                initial_stream_window_size=_HTTP2_WINDOW,
                max_headers_size=_HEADER_BYTES,
                keep_alive_interval=30_000,
            ),
            ssl_cert=Path(settings.certificate) if settings.certificate else None,
            ssl_key=Path(settings.key) if settings.key else None,
        )
        self._serving = asyncio.ensure_future(self._server.serve())

    async def stop(self) -> None:
        """Take no more connections; returns when those that are open have their answers."""
        self._server.stop()
        await self._serving


class Grpc:
    """The gRPC port."""

    def __init__(self, rpc: Rpc, settings: Server) -> None:
        limits = settings.limits
        self._server: grpc.aio.Server | None = grpc.aio.server(
            handlers=(rpc,),
            maximum_concurrent_rpcs=limits.requests + _HEALTH_CALLS,
            options=[
                ("grpc.so_reuseport", 1),
                ("grpc.max_receive_message_length", limits.body_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", _HEADER_BYTES),
                ("grpc.http2.bdp_probe", 0),
                ("grpc.http2.lookahead_bytes", _GRPC_WINDOW),
                ("grpc.max_connection_age_ms", int(settings.age_s * 1000)),
                ("grpc.max_connection_age_grace_ms", int(settings.grace_s * 1000)),
            ],
        )
        assert settings.grpc is not None
        try:
            if settings.certificate and settings.key:
                pair = (Path(settings.key).read_bytes(), Path(settings.certificate).read_bytes())
                self._server.add_secure_port(settings.grpc, grpc.ssl_server_credentials([pair]))
            else:
                self._server.add_insecure_port(settings.grpc)
        except RuntimeError as error:
            raise SettingsInvalid(f"--grpc {settings.grpc}: cannot listen there: {error}") from error

    async def start(self) -> None:
        assert self._server is not None
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls; returns when those under way are answered, at the latest after the grace period."""
        if self._server is not None:
            await self._server.stop(grace_s)
            self._server = None  # what it does when it is deleted needs this loop
            await asyncio.sleep(0)
