"""A node that speaks TLS only, and asks clients for a certificate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instream.errors import SettingsInvalid, StoreError
from instream.stores import open_store
from instream.testing.cassandra import Node
from instream.testing.certificates import Certificates

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture(scope="module")
def secured(given: Certificates) -> Iterator[Node]:
    with Node(heap_mb=512, tls=given) as started:
        yield started


def test_a_store_behind_tls(secured: Node, given: Certificates, tmp_path: Path) -> None:
    files: dict[str, Any] = {"ssl_ca": given.ca, "ssl_cert": given.service, "ssl_key": given.key}
    store = open_store(secured.url("k", **files))
    store.parameters_of("5e7").write({"i:1": b"x"})
    store.close()
    relative: dict[str, Any] = {name: path.name for name, path in files.items()}
    open_store(secured.url("k", **relative), folder=given.ca.parent).close()

    other = tmp_path / "other"
    other.mkdir()
    wrong: list[tuple[dict[str, Any], str]] = [
        (files | {"ssl_ca": Certificates(other, "127.0.0.1").ca}, r"CERTIFICATE_VERIFY_FAILED.*\?ssl_ca="),
        ({"ssl_ca": given.ca}, "no node answers"),
        ({}, r"no node answers.*\?tls=true"),
    ]
    for options, message in wrong:
        with pytest.raises(StoreError, match=message):
            open_store(secured.url("k", request_ms=3000, **options))


def test_a_certificate_of_another_machine(tmp_path: Path) -> None:
    """Whoever has a certificate of the same signer cannot pass for a node."""
    given = Certificates(tmp_path, "127.0.0.9")
    files: dict[str, Any] = {"ssl_ca": given.ca, "ssl_cert": given.service, "ssl_key": given.key}
    with Node(heap_mb=512, tls=given) as node, pytest.raises(StoreError, match=r"IP address mismatch.*names its address"):
        open_store(node.url("k", request_ms=3000, **files))


def test_files_that_are_not_there(given: Certificates) -> None:
    for query in ("ssl_ca=absent.pem", f"ssl_cert={given.ca}", f"ssl_key={given.key}"):
        with pytest.raises(SettingsInvalid, match="expected files in PEM"):
            open_store(f"cassandra://h/k?{query}")
