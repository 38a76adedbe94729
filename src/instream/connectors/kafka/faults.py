"""librdkafka's errors in our tree: which end a client, which pass by themselves, and what to do."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException

from instream.errors import InstreamError
from instream.observe import logs

_log = logs.get("kafka")
_SAID_EVERY_S = 10.0

_UNREACHED = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
}
_REFUSED = {
    KafkaError._AUTHENTICATION: "check sasl.username, sasl.password and sasl.mechanism in the options",
    KafkaError.SASL_AUTHENTICATION_FAILED: "check sasl.username, sasl.password and sasl.mechanism in the options",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not use the topic: give it the right",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this user may not use the group named as the pipeline: give it the right",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not write idempotently: give it IdempotentWrite",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "this user may not use the transactional id: give it the right",
    KafkaError._SSL: "check the ssl.* options",
}
_PASSING = {
    *_UNREACHED,
    KafkaError._WAIT_COORD,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
}


def error_of(exception: KafkaException) -> KafkaError:
    """The error that an exception carries."""
    error = exception.args[0]
    assert isinstance(error, KafkaError), error
    return error


def passing(error: KafkaError) -> bool:
    """Whether trying again can help."""
    return not error.fatal() and (error.retriable() or error.code() in _PASSING)


def advice(error: KafkaError) -> str:
    """What was said, and what to do where we know."""
    hint = _REFUSED.get(error.code())
    return f"{error.str()}; {hint}" if hint else str(error.str())


class Faults:
    """What a client reports beside its calls: kept until somebody asks, said once in a while if it passes by itself."""

    def __init__(self, where: str, failure: type[InstreamError]) -> None:
        self._where = where
        self._failure = failure
        self._fatal: KafkaError | None = None
        self._said_s = -_SAID_EVERY_S
        self.unreached = False
        self.fenced = False

    def report(self, error: KafkaError) -> None:
        """librdkafka's error_cb; called inside poll and flush."""
        if self.is_fencing(error):
            return
        if error.fatal() or error.code() in _REFUSED:
            self._fatal = self._fatal or error
        elif error.code() in _UNREACHED:
            self.unreached = True
            self.say("broker not reached, waiting for it", error)

    def say(self, phrase: str, error: KafkaError) -> None:
        if time.monotonic() - self._said_s >= _SAID_EVERY_S:
            self._said_s = time.monotonic()
            _log.warning(phrase, where=self._where, reason=error.str())

    def reached(self) -> None:
        """Something arrived."""
        if self.unreached:
            self.unreached = False
            self._said_s = -_SAID_EVERY_S
            _log.info("broker reached again", where=self._where)

    def is_fencing(self, error: KafkaError) -> bool:
        """Whether the group gave this member's name to another. librdkafka may say so as `_FATAL` with the reason in words only."""
        in_words = error.code() == KafkaError._FATAL and "Static consumer fenced" in error.str()
        self.fenced = self.fenced or in_words or error.code() == KafkaError.FENCED_INSTANCE_ID
        return self.fenced

    def raise_if_any(self) -> None:
        if self._fatal is not None:
            raise self.failure(self._fatal)

    def failure(self, error: KafkaError) -> InstreamError:
        """Our error for one that ends the client: from now on `raise_if_any` raises it, too."""
        self._fatal = self._fatal or error
        return self._failure(f"{self._where}: {advice(error)}")
