"""Settings to a model server: its ports, and a supervisor of its processes."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from prometheus_client.multiprocess import mark_process_dead

from instream.errors import MissingExtra, SettingsInvalid
from instream.process.child import Entry
from instream.process.slots import Slots
from instream.process.supervisor import Supervisor
from instream.server.settings import METRICS_FOLDER, NAME, Server

_ENTRY = "instream.cli.server_worker"
_BACKLOG = 1_024
_LIBRARIES = ("granian", "grpc", "google.protobuf", "uvloop")


@contextlib.contextmanager
def served(settings: Server, workers: int, *, stderr: int | None = None) -> Iterator[tuple[Supervisor, Server]]:
    """A supervisor that is ready to run, and the settings with the ports that were taken where 0 was asked for.

    Raises:
        SettingsInvalid: a port cannot be used.
        MissingExtra: the extra `serve` is not installed.
    """
    if any(importlib.util.find_spec(library) is None for library in _LIBRARIES):
        raise MissingExtra("instream serve", "serve")
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="instream-serve-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        slots = stack.enter_context(contextlib.closing(Slots(NAME, workers)))
        settings = stack.enter_context(ports(settings))
        entry = Entry(
            _ENTRY,
            msgspec.json.encode(settings),
            stdout=sys.stderr.fileno(),
            stderr=stderr,
            environ={METRICS_FOLDER: str(folder)},
            fds=[] if settings.listener is None else [settings.listener],
        )
        supervisor = Supervisor(
            entry,
            slots.numbers,
            folder=folder,
            grace_s=settings.grace_s + settings.linger_s,
            died=lambda pid: mark_process_dead(pid, str(folder)),  # type: ignore[no-untyped-call]
        )
        yield supervisor, settings


@contextlib.contextmanager
def ports(settings: Server) -> Iterator[Server]:
    """Take the ports, and say which; they stay ours for as long as the block lasts. Raises SettingsInvalid."""
    with contextlib.ExitStack() as stack:
        if settings.http is not None:
            listener = stack.enter_context(_bound(settings.http, "--http", share=False))
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is accepted inherits it
            listener.listen(_BACKLOG)
            settings = msgspec.structs.replace(settings, http=_address(listener), listener=listener.fileno())
        if settings.grpc is not None:
            kept = stack.enter_context(_bound(settings.grpc, "--grpc", share=True))  # not listening: it keeps the port ours
            settings = msgspec.structs.replace(settings, grpc=_address(kept))
        yield settings


def _bound(address: str, option: str, *, share: bool) -> socket.socket:
    """A socket that has the address. Where processes will share it, it was first seen that nobody else has it."""
    host, _, port = address.rpartition(":")
    where = (host.strip("[]") or "0.0.0.0", port)
    try:
        place = (where[0], int(port))
        family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        if share:
            taken = bound.getsockname()
            bound.close()
            bound = socket.socket(family)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(taken)
    except (OSError, ValueError, OverflowError) as error:
        raise SettingsInvalid(f"{option} {address}: cannot listen there: {error}; give host:port, port 0 takes a free one") from error
    return bound


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
