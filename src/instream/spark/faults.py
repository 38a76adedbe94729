"""Errors of a query in our tree."""

from __future__ import annotations

import re

from instream.errors import InstreamError, SinkFailed, SourceFailed, raised_elsewhere

_OURS = re.compile(
    r"^instream\.errors\.(\w+): (.*?)(?=^\s*(?:at |\[|JVM stacktrace|Caused by|Driver stacktrace)|\Z)", re.MULTILINE | re.DOTALL
)
_RAISED = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)+(\S.*)$", re.MULTILINE)
_PREFIX = re.compile(r"^\[STREAM_FAILED\] Query \[.*?\] terminated with exception: ", re.DOTALL)
_DATA_LOSS = ("Some data may have been lost", "KAFKA_DATA_LOSS", "OffsetOutOfRange", "partitions are gone")
_CRASHED = "Python worker exited unexpectedly"
_SINK = ("KafkaRowWriter", "InternalKafkaProducerPool")  # not KafkaWriteTask, which is below everything that a task does
_SOURCE = ("KafkaOffsetReader", "KafkaMicroBatchStream", "KafkaDataConsumer", "KafkaBatchReaderFactory", "AdminClient")
_CHARS_MAX = 600


def error_of(error: Exception, where: str) -> InstreamError:
    """What a query ended with.

    Args:
        where: what failed, for messages.
    """
    text = _PREFIX.sub("", str(error))
    found = _OURS.search(text)
    if found is not None:
        return raised_elsewhere(found[1], found[2].strip())
    if any(mark in text for mark in _DATA_LOSS):
        return SourceFailed(
            f"{where}: positions of the checkpoint are not in the topic any more: retention removed them, or the topic was made anew. "
            f"Those records cannot be had again; go on with what is there: --from earliest. Spark says: {_line(text)}"
        )
    if _CRASHED in text:
        return InstreamError(
            f"{where}: a Python worker died while it scored, as often as Spark tries a task. What it said is above; out of memory "
            "(the kernel's log says so), the model's library or the feature step may be the cause"
        )
    kind = SinkFailed if any(mark in text for mark in _SINK) else SourceFailed if any(mark in text for mark in _SOURCE) else InstreamError
    return kind(f"{where}: {_line(text)}")


def is_lasting(error: InstreamError) -> bool:
    """Whether records are gone, which no retry brings back."""
    return isinstance(error, SourceFailed) and "--from earliest" in str(error)


def _line(text: str) -> str:
    """The cause that says most, in one line: what Python raised, else the last cause in the JVM."""
    raised = _RAISED.search(text)
    if raised is not None:
        return _cut(raised[1])
    causes = re.findall(r"^Caused by: (.+)$", text, re.MULTILINE)
    last: str = causes[-1] if causes else text.strip().splitlines()[0] if text.strip() else "no reason given"
    return _cut(last)


def _cut(text: str) -> str:
    return text if len(text) <= _CHARS_MAX else text[: _CHARS_MAX - 1] + "…"
