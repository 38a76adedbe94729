"""What a server is to serve, where, and within which limits; sent to its processes as JSON."""

from __future__ import annotations

import msgspec

from instream.server.limits import Limits

NAME = "server"
"""What a server is called in reports."""
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that says where the processes of a server leave their figures."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One server, of one or more processes.

    Attributes:
        models: names in the store; each follows its head.
        http, grpc: `host:port`; None leaves that transport out.
        listener: the file descriptor of the HTTP port, which every process inherits.
        certificate, key: PEM files; None serves without TLS.
        trust_features: run the feature steps that were published with models.
        threads: batches scored at once in a process.
        memory: bytes for one model, with a swap under way.
        cache: bytes of it for parameters of keys, where a model is keyed.
        linger_s: after a process was told to end and before it takes no more, so that balancers see that it is not ready.
        grace_s: to answer what was taken on.
        age_s: of a connection, at most.
    """

    models: tuple[str, ...]
    store: str
    http: str | None
    grpc: str | None
    listener: int | None = None
    certificate: str | None = None
    key: str | None = None
    trust_features: bool = False
    threads: int = 1
    memory: int = 1 << 30
    cache: int = 256 << 20
    load_s: float = 120.0
    golden_s: float = 5.0
    poll_ms: int = 500
    linger_s: float = 0.0
    grace_s: float = 30.0
    age_s: float = 300.0
    limits: Limits = Limits()
