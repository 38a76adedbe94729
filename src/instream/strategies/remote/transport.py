"""What a strategy needs of a way to a server."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from instream.errors import MissingExtra, SettingsInvalid
from instream.wire.about import About

ANSWER_BYTES_MAX = 256 << 20
"""A longer answer is none: it is not taken into memory."""


class Transport(Protocol):
    """Thread-safe; connections are kept.

    What goes wrong is one of: Overloaded or Unavailable as the server said; DeadlineExceeded; Unreachable where nobody
    answered; WrongAnswer; or what a server of ours names (`wire.status`), such as NotFound or PackageRefused.
    """

    def score(self, model: str, body: bytes, timeout_s: float, pin: int | None) -> bytes:
        """An Arrow question, answered by an Arrow answer."""
        ...

    def about(self, model: str, timeout_s: float) -> About:
        """What the server says of a model."""
        ...

    def close(self) -> None:
        """Calls under way end as soon as they can."""
        ...


def open_transport(endpoint: str, connections: int, ca: bytes | None) -> Transport:
    """A way to `grpc://host:port`, `grpcs://`, `http://` or `https://`; nothing is connected yet.

    Args:
        ca: PEM of who vouches for the server; None for those that the system trusts.
    Raises:
        SettingsInvalid: it is no such URL.
        MissingExtra: the extra `remote` is not installed.
    """
    parts = urlsplit(endpoint)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsInvalid(f"strategy.endpoint {endpoint!r}: {error}") from error
    if parts.scheme not in ("grpc", "grpcs", "http", "https") or not host or parts.path.strip("/"):
        raise SettingsInvalid(f"strategy.endpoint {endpoint!r}: expected grpc://host:port, grpcs://, http:// or https://")
    try:
        if parts.scheme.startswith("grpc"):
            from instream.strategies.remote.rpc import GrpcTransport

            return GrpcTransport(f"{host}:{port or 8081}", secure=parts.scheme == "grpcs", ca=ca)
        from instream.strategies.remote.rest import HttpTransport

        return HttpTransport(f"{parts.scheme}://{parts.netloc}", connections=connections, ca=ca)
    except ModuleNotFoundError as error:
        raise MissingExtra('strategy.kind = "remote"', "remote") from error
