from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream.errors import InstreamError
from instream.failures import Code, failures_of
from instream.pipeline import Letter, letters, read_envelope, read_headers
from instream.pipeline.letter import ERROR, MESSAGE_CHARS_MAX, envelope, headers_of
from instream.predictor import STAMPS
from instream.records import Outcome, Records
from instream.rows import ArrowRows
from instream.testing.linear import records_of

VALUES = [b'{"a": 1}', b"\xff", None, b'{"a": 2}', b""]


def outcome_of(values: list[bytes | None]) -> Outcome:
    """Record 0 is good, 3 was offered to version 7 and failed, the others failed before."""
    failures = failures_of(
        [(1, Code.NOT_UTF8, "not UTF-8"), (2, Code.EMPTY, "no value"), (3, Code.SCORE, "x" * 5_000), (4, Code.EMPTY, "é")]
    )
    stamps = pa.RecordBatch.from_pylist([{"version": version} for version in (7, None, None, 7, None)], schema=STAMPS)
    return Outcome([b"{}", None, None, None, None], failures, np.empty(0, np.int32), stamps, 41)


@pytest.fixture
def records() -> Records:
    return records_of(VALUES, first=100)


def test_on_a_sink_with_headers_the_record_is_as_it_was_and_headers_say_why(records: Records) -> None:
    taken, outcome = letters(records, outcome_of(VALUES), pipeline="delays", form="headers")
    assert list(outcome.values) == [b"\xff", b"", b'{"a": 2}', b""]
    assert taken.offsets.tolist() == [101, 102, 103, 104]
    assert list(taken.keys or ()) == [b"key101", b"key102", b"key103", b"key104"]
    assert taken.positions == records.positions
    assert taken.headers is not None
    assert taken.headers[0] == [
        ("trace", b"101"),
        ("instream-error-code", b"not_utf8"),
        ("instream-error", b"not UTF-8"),
        ("instream-source", b"flights/3/101"),
        ("instream-pipeline", b"delays"),
    ]
    assert dict(taken.headers[2] or ())["instream-version"] == b"7"
    assert dict(taken.headers[1] or ())["instream-tombstone"] == b"true"
    assert len(outcome.failures) == len(outcome.filtered) == 0
    assert outcome.stamps.column("version").to_pylist() == [None, None, 7, None]


def test_elsewhere_each_is_one_envelope_on_a_line(records: Records) -> None:
    _, outcome = letters(records, outcome_of(VALUES), pipeline="delays", form="envelope")
    first, tombstone, third, empty = (json.loads(value or b"") for value in outcome.values)
    assert first == {
        "code": "not_utf8",
        "error": "not UTF-8",
        "source": "flights/3/101",
        "pipeline": "delays",
        "timestamp": 101_000,
        "key": "key101",
        "headers": [["trace", "101"]],
        "value": {"base64": "/w=="},
    }
    assert (third["value"], third["version"]) == ('{"a": 2}', 7)
    assert "value" not in tombstone
    assert empty["value"] == ""


def test_an_error_text_is_bounded(records: Records) -> None:
    taken, _ = letters(records, outcome_of(VALUES), pipeline="delays", form="headers")
    text = dict((taken.headers or [])[2] or ())[ERROR] or b""
    assert len(text.decode()) == MESSAGE_CHARS_MAX
    assert text.decode().endswith("…")


def test_rows_of_columns_become_json(records: Records) -> None:
    batch = pa.RecordBatch.from_pydict({"a": pa.array([1, 2, 3, 4, None])})
    rows = replace(records, values=ArrowRows(batch))
    taken, outcome = letters(rows, outcome_of([]), pipeline="delays", form="envelope")
    assert read_envelope(outcome.values[2] or b"").value == b'{"a":4}'
    assert list(taken.values)[3] == b'{"a":null}'


def test_without_keys_headers_and_timestamps(records: Records) -> None:
    bare = replace(records, keys=None, headers=None, timestamps=None)
    for form in ("headers", "envelope"):
        taken, outcome = letters(bare, outcome_of(VALUES), pipeline="delays", form=form)
        assert (taken.keys, taken.timestamps, len(outcome.values)) == (None, None, 4)


def test_a_record_that_fails_again_says_why_once(records: Records) -> None:
    once, first = letters(records, outcome_of(VALUES), pipeline="old", form="headers")
    stamps = first.stamps
    again = Outcome([None] * 4, failures_of([(0, Code.NULL, "again")]), first.filtered, stamps, 41)
    twice, _ = letters(once, again, pipeline="new", form="headers")
    assert twice.headers is not None
    names = [name for name, _ in twice.headers[0] or ()]
    assert names.count("instream-error-code") == 1
    assert dict(twice.headers[0] or ())["instream-pipeline"] == b"new"


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b'{"a": 1}', b"[]", b'{"code":"a","error":"b","source":"c","pipeline":"d","value":{"base64":"*"}}', b'\xff{"code"'],
)
def test_what_is_no_envelope_is_refused(line: bytes) -> None:
    with pytest.raises(InstreamError, match="not a dead letter of instream"):
        read_envelope(line)


def test_what_has_no_reason_in_its_headers_is_refused() -> None:
    with pytest.raises(InstreamError, match="instream-error-code"):
        read_headers(b"v", None, [("trace", b"1")])


maybe_bytes = st.one_of(st.none(), st.binary(max_size=20), st.text(max_size=5).map(str.encode))
own_headers = st.lists(st.tuples(st.text(max_size=5), maybe_bytes), max_size=3).map(tuple)
some_letters = st.builds(
    Letter,
    code=st.sampled_from([code.value for code in Code]),
    error=st.text(max_size=10),
    source=st.just("t/0/1"),
    pipeline=st.just("delays"),
    version=st.one_of(st.none(), st.integers(1, 9)),
    timestamp=st.one_of(st.none(), st.integers(0, 2**40)),
    key=maybe_bytes,
    headers=own_headers,
    value=maybe_bytes,
)
quick = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(some_letters)
def test_an_envelope_gives_the_letter_back(letter: Letter) -> None:
    """Property: key, headers and value byte for byte, None and empty told apart; one line."""
    line = envelope(letter)
    assert b"\n" not in line
    assert read_envelope(line) == letter


@quick
@given(some_letters)
def test_headers_give_the_letter_back(letter: Letter) -> None:
    assert read_headers(letter.value or b"", letter.key, headers_of(letter), letter.timestamp) == letter
