"""Our own error comes out of Java's stack trace as it was raised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from instream.errors import BadRecord, MissingExtra, TooManyDeadLetters, Unavailable
from instream.flink.failures import cause_in, error_in, is_final
from instream.process.exits import Exit
from instream.testing.faults.pipeline import setting
from instream.testing.kafka import Broker

TRACE = """java.lang.RuntimeException: Error while waiting for BeamPythonFunctionRunner flush
\tat org.apache.flink.streaming.api.operators.python.process.AbstractExternalPythonFunctionOperator.invokeFinishBundle(A.java:107)
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 1: Traceback (most recent call last):
  File "sdk_worker.py", line 311, in _execute
    response = task()
  File "hosted.py", line 69, in process
    raise refuse(records, outcome.failures)
{said}

\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient$ResponseStreamObserver.onNext(FnApiControlClient.java:180)
\t... 3 more
"""


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("instream.errors.BadRecord: in:0:7: not_json: [1]. Set dead_letter.url", BadRecord, "in:0:7: not_json: [1]. Set dead_letter.url"),
        ("instream.errors.TooManyDeadLetters: 900 of\nthe last 1,000", TooManyDeadLetters, "900 of\nthe last 1,000"),
        ("instream.errors.MissingExtra: x needs: pip install 'instream[onnx]'", MissingExtra, "x needs: pip install 'instream[onnx]'"),
    ],
)
def test_ours_is_found(said: str, kind: type[Exception], message: str) -> None:
    found = error_in(TRACE.format(said=said))
    assert type(found) is kind
    assert str(found) == message
    assert found is not None
    assert is_final(found)


def test_an_outage_is_tried_again() -> None:
    found = error_in(TRACE.format(said="instream.errors.Unavailable: no server answers"))
    assert isinstance(found, Unavailable)
    assert not is_final(found)


def test_what_is_not_ours_is_told_in_a_line() -> None:
    trace = TRACE.format(said="KeyError: 'x'")
    assert error_in(trace) is None
    assert cause_in(trace) == "KeyError: 'x'"
    assert cause_in("a.B: x\n\tat c\nCaused by: java.io.IOException: disk full\n\tat d\n") == "java.io.IOException: disk full"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_record_that_nobody_can_keep_ends_the_job(broker: Broker, unique: str, tmp_path: Path) -> None:
    """Law 10: without a place for dead letters a bad record ends the pipeline at once, and says why in one paragraph."""
    made = setting(broker.bootstrap, unique, tmp_path, "at_least_once", partitions=1)
    file = tmp_path / "strict.toml"
    text = made.file.read_text()
    file.write_text(text[: text.index("[dead_letter]")] + text[text.index("[delivery]") :])
    broker.produce(f"{unique}-in", [b'{"id": 1, "x": 1.0}', b"not json"])
    done = subprocess.run(
        [sys.executable, "-m", "instream.cli", "run", str(file), "--engine", "flink"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == Exit.BAD_RECORD
    assert f"BadRecord: {unique}-in:0:1: not_json" in done.stderr
    assert "dead_letter.url" in done.stderr
    assert "at org.apache" not in done.stderr
    assert "Traceback" not in done.stderr
