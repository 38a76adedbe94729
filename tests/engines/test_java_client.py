"""One pipeline file for librdkafka and for Java's client."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream.connectors.opening import Options
from instream.engines.java_client import java_options
from instream.errors import SettingsInvalid


def test_a_login_and_certificates(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN")
    given: Options = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "scram-sha-512",
        "sasl.username": "ann",
        "sasl.password": 'a"b\\c',
        "ssl.ca.location": "ca.pem",
        "ssl.endpoint.identification.algorithm": "none",
        "check.crcs": True,
    }
    assert java_options(given, tmp_path, "source", "moved.") == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "ssl.truststore.certificates": "-----BEGIN",
        "ssl.endpoint.identification.algorithm": "",
        "check.crcs": "true",
        "sasl.jaas.config": 'moved.org.apache.kafka.common.security.scram.ScramLoginModule required username="ann" password="a\\"b\\\\c";',
        "ssl.truststore.type": "PEM",
    }


def test_what_steers_only_librdkafka_is_left_out(tmp_path: Path) -> None:
    given: Options = {"queue.buffering.max.messages": 5, "topic.metadata.refresh.interval.ms": 10_000, "compression.codec": "none"}
    assert java_options(given, tmp_path, "sink") == {"compression.type": "none"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"acks": 1}, "sink.options: 'acks' cannot be set: durable means"),
        ({"enable.ssl.certificate.verification": False}, "'enable.ssl.certificate.verification' is librdkafka's"),
        ({"sasl.username": "ann"}, "belong together"),
        ({"sasl.username": "ann", "sasl.password": "x"}, "'GSSAPI' with a password"),  # as librdkafka has it where nothing is said
        ({"sasl.username": "ann", "sasl.password": "x", "sasl.mechanism": "OAUTHBEARER"}, "expected one of PLAIN"),
        ({"ssl.ca.location": "absent.pem"}, "cannot be read"),
    ],
)
def test_what_java_cannot_do_is_refused(options: dict[str, str | int | float | bool], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        java_options(options, tmp_path, "sink")
