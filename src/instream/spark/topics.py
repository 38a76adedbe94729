"""Whether the topics are there and how many partitions they have, asked of Kafka before a query starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from instream.errors import InstreamError, SinkFailed, SourceFailed
from instream.spark.ends import End, Ends

_ANSWER_MS = 20_000
_ADVICE = {
    "SaslAuthenticationException": "check sasl.username, sasl.password and sasl.mechanism in the options",
    "SslAuthenticationException": "check the ssl.* options",
    "TopicAuthorizationException": "this user may not use the topic: give it the right",
    "TimeoutException": "is the address right, and may this machine reach it?",
}


@dataclass(frozen=True, slots=True)
class Partitions:
    """How many partitions the topics have that are written to; `dead` is None where there is no place for dead letters."""

    sink: int
    dead: int | None


def partitions_of(spark: SparkSession, ends: Ends) -> Partitions:
    """Ask. Raises SourceFailed or SinkFailed: not reached, refused, or no such topic; says what to do."""
    _count(spark, ends.source, SourceFailed)
    return Partitions(_count(spark, ends.sink, SinkFailed), None if ends.dead is None else _count(spark, ends.dead, SinkFailed))


def _count(spark: SparkSession, end: End, failure: type[InstreamError]) -> int:
    jvm: Any = spark.sparkContext._jvm
    properties = jvm.java.util.Properties()
    for name, value in {**end.client, "default.api.timeout.ms": str(_ANSWER_MS), "request.timeout.ms": str(_ANSWER_MS // 2)}.items():
        properties.put(name, value)
    try:
        client = jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
        try:
            found = client.describeTopics(jvm.java.util.List.of(end.topic)).allTopicNames().get()
            return int(found.get(end.topic).partitions().size())
        finally:
            client.close(jvm.java.time.Duration.ofSeconds(1))
    except Py4JJavaError as error:
        raise failure(_explained(end, error)) from None


def _explained(end: End, error: Py4JJavaError) -> str:
    cause = error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    name = cause.getClass().getSimpleName()
    if name == "UnknownTopicOrPartitionException":
        return f"{end.url}: no topic {end.topic!r} there: create it, or correct the URL"
    advice = _ADVICE.get(name)
    return f"{end.url}: {cause.getMessage()}{f'; {advice}' if advice else ''}"
