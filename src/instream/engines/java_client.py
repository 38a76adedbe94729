"""Options for librdkafka, as the pipeline file has them, in the words of Java's Kafka client, which Flink and Spark use.

One file runs on every engine: what both clients know is translated, what only steers librdkafka's own queues is left out, and
what Java's client cannot do is refused. Nothing that changes a meaning is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from instream.connectors.opening import Options
from instream.errors import SettingsInvalid

_SAME = frozenset(
    """
    batch.size check.crcs client.dns.lookup client.id client.rack compression.type connections.max.idle.ms delivery.timeout.ms
    fetch.max.bytes fetch.min.bytes isolation.level linger.ms max.in.flight.requests.per.connection max.partition.fetch.bytes
    max.request.size metadata.max.age.ms reconnect.backoff.max.ms reconnect.backoff.ms request.timeout.ms retries
    retry.backoff.max.ms retry.backoff.ms sasl.jaas.config sasl.kerberos.service.name sasl.mechanism security.protocol
    socket.connection.setup.timeout.ms ssl.cipher.suites ssl.endpoint.identification.algorithm ssl.key.password
    transaction.timeout.ms
    """.split()  # noqa: SIM905 (thirty lines of quotes)
)
_RENAMED: Mapping[str, str] = {
    "compression.codec": "compression.type",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "fetch.wait.max.ms": "fetch.max.wait.ms",
    "message.max.bytes": "max.request.size",
    "message.timeout.ms": "delivery.timeout.ms",
    "queue.buffering.max.ms": "linger.ms",
    "sasl.mechanisms": "sasl.mechanism",
    "socket.receive.buffer.bytes": "receive.buffer.bytes",
    "socket.send.buffer.bytes": "send.buffer.bytes",
    "ssl.ca.pem": "ssl.truststore.certificates",
    "ssl.certificate.pem": "ssl.keystore.certificate.chain",
    "ssl.key.pem": "ssl.keystore.key",
}
_FILES: Mapping[str, str] = {
    "ssl.ca.location": "ssl.truststore.certificates",
    "ssl.certificate.location": "ssl.keystore.certificate.chain",
    "ssl.key.location": "ssl.keystore.key",
}
"""PEM files, whose text Java takes: so that a cluster's machines need none of them."""

_OWN_QUEUES = (
    "queued.",
    "queue.buffering.",
    "fetch.queue.",
    "fetch.error.",
    "log_",
    "log.",
    "debug",
    "statistics.",
    "socket.",
    "topic.metadata.",
)
_OWN_LIVES = ("session.timeout.ms", "heartbeat.interval.ms", "max.poll.interval.ms", "allow.auto.create.topics", "broker.address.family")
"""Of a member of a group, which the engines' readers are not; and what has the same meaning by default."""

_OURS: Mapping[str, str] = {
    "bootstrap.servers": "the URL says it",
    "group.id": "the pipeline's name is it, or begins it",
    "group.instance.id": "the engine gives partitions to tasks itself",
    "partition.assignment.strategy": "the engine gives partitions to tasks itself",
    "enable.auto.commit": "positions are kept with the engine's state",
    "enable.auto.offset.store": "positions are kept with the engine's state",
    "auto.offset.reset": "source.start says it",
    "enable.idempotence": "order and no duplicates rest on it",
    "acks": "durable means all in-sync replicas",
    "request.required.acks": "durable means all in-sync replicas",
    "transactional.id": "the pipeline's name makes it where the engine's sink has transactions",
    "partitioner": "sink.partitioner says it",
}
_LOGINS: Mapping[str, str] = {
    "PLAIN": "plain.PlainLoginModule",
    "SCRAM-SHA-256": "scram.ScramLoginModule",
    "SCRAM-SHA-512": "scram.ScramLoginModule",
}
_TEXT_BYTES_MAX = 1 << 20


def java_options(given: Options, folder: Path, part: str, shaded: str = "") -> Mapping[str, str]:
    """Translate.

    Args:
        given: as in the file, secrets resolved.
        folder: where a relative path starts.
        part: source, sink or dead_letter, for messages.
        shaded: before the names of Java's classes where a connector has moved them, such as `org.example.shaded.`.
    Raises:
        SettingsInvalid: Java's client has no such option, it may not be set, or a file cannot be read; says which and why.

    >>> java_options({"sasl.mechanisms": "PLAIN", "linger.ms": 5, "queued.min.messages": 9}, Path(), "sink")
    {'sasl.mechanism': 'PLAIN', 'linger.ms': '5'}
    """
    found: dict[str, str] = {}
    for name, value in given.items():
        if name in _OURS:
            raise SettingsInvalid(f"{part}.options: {name!r} cannot be set: {_OURS[name]}")
        if name in _FILES:
            found[_FILES[name]] = _text_of(f"{part}.options: {name}", folder / str(value))
        elif name in _SAME or name in _RENAMED:
            found[_RENAMED.get(name, name)] = _word(name, value)
        elif name not in ("sasl.username", "sasl.password") and name not in _OWN_LIVES and not name.startswith(_OWN_QUEUES):
            raise SettingsInvalid(
                f"{part}.options: {name!r} is librdkafka's; Flink and Spark use Java's client, which has no counterpart that instream "
                "knows. Take it out for this engine"
            )
    return {**found, **_login(given, found, part, shaded), **_stores(found)}


def _word(name: str, value: str | int | float | bool) -> str:
    if name == "ssl.endpoint.identification.algorithm" and value == "none":
        return ""  # so Java says it
    return str(value).lower() if isinstance(value, bool) else str(value)


def _login(given: Options, found: Mapping[str, str], part: str, shaded: str) -> dict[str, str]:
    """librdkafka's user and password as the line that Java wants."""
    user, password = given.get("sasl.username"), given.get("sasl.password")
    if user is None and password is None:
        return {}
    if user is None or password is None:
        raise SettingsInvalid(f"{part}.options: sasl.username and sasl.password belong together; one of them is missing")
    mechanism = found.get("sasl.mechanism", "GSSAPI").upper()
    if mechanism not in _LOGINS:
        raise SettingsInvalid(f"{part}.options: sasl.mechanism = {mechanism!r} with a password: expected one of {', '.join(_LOGINS)}")
    module = f"{shaded}org.apache.kafka.common.security.{_LOGINS[mechanism]}"
    line = f"{module} required username={_quoted(user)} password={_quoted(password)};"
    return {"sasl.mechanism": mechanism, "sasl.jaas.config": line}  # Java knows it in capitals only


def _quoted(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _stores(found: Mapping[str, str]) -> dict[str, str]:
    """What is given as PEM text is said to be that."""
    kinds = {"ssl.truststore.certificates": "ssl.truststore.type", "ssl.keystore.key": "ssl.keystore.type"}
    return {kind: "PEM" for name, kind in kinds.items() if name in found}


def _text_of(what: str, path: Path) -> str:
    try:
        if path.stat().st_size > _TEXT_BYTES_MAX:
            raise SettingsInvalid(f"{what} = {path} is larger than {_TEXT_BYTES_MAX:,} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{what} = {path} cannot be read: {error}; it must be a PEM file") from error
