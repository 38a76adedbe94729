"""Both ports speak TLS, and the remote strategy believes only who is vouched for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from instream.errors import Unavailable
from instream.flow.limit import AdaptiveLimit
from instream.server.models import Open
from instream.strategies.remote.endpoint import Endpoint
from instream.strategies.remote.predictor import Patience, RemotePredictor
from instream.strategies.remote.transport import open_transport
from instream.testing.server import running, server_for


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=instream",
        "-out",
        certificate,
    ]
    subprocess.run([*command, "-keyout", key, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


def predictor_of(url: str, ca: bytes | None) -> RemotePredictor:
    endpoint = Endpoint(url, open_transport(url, 2, ca), AdaptiveLimit(2))
    return RemotePredictor("delay", [endpoint], patience=Patience(5, 1), calls=2)


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_a_server_is_believed_when_it_is_vouched_for(opened: Open, pair: tuple[Path, Path], scheme: str) -> None:
    certificate, key = pair
    with running(server_for("delay", certificate=str(certificate), key=str(key)), opened) as server:
        url = f"{scheme}://{server.settings.grpc if scheme == 'grpcs' else server.settings.http}"
        predictor = predictor_of(url, certificate.read_bytes())
        assert predictor.predict(pa.record_batch({"x": [1.0, 2.0]})).outputs.column("y").to_pylist() == [2.0, 4.0]
        predictor.close()
        with pytest.raises(Unavailable, match=r"(?i)certificate|handshake|ssl"):
            predictor_of(url, None)
