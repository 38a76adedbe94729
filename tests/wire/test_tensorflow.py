"""TensorFlow Serving's REST form."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instream.errors import InvalidRows, TooLarge
from instream.failures import NONE
from instream.package import Version
from instream.predictor import Prediction, stamped
from instream.wire import tensorflow
from instream.wire.answered import Answered, Whole
from instream.wire.columns import joined
from instream.wire.inputs import Inputs

NAMED = Inputs(pa.schema([("x", pa.float64()), ("name", pa.string()), ("v", pa.list_(pa.float32(), 2))]))
NUMBERS = Inputs(pa.schema([("a", pa.float64()), ("b", pa.int64())]))
VECTOR = Inputs(pa.schema([("v", pa.list_(pa.float32(), 2))]))
ONE = Inputs(pa.schema([("x", pa.float64())]))


def read(content: Any, inputs: Inputs) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = joined([tensorflow.read(msgspec.json.encode(content), inputs, 100).columns], inputs).to_pydict()
    return rows


def answered(**outputs: Any) -> Answered:
    batch = pa.record_batch(outputs)
    stamps = stamped(Version(3), len(batch))
    return Answered("delay", Whole(Prediction(batch, stamps, 7, NONE)), 0, len(batch))


@pytest.mark.parametrize(
    ("content", "inputs", "rows"),
    [
        ({"instances": [{"x": 1, "name": "a", "v": [1, 2]}, {"x": None, "name": {"b64": "w7w="}, "v": [3, 4]}]}, NAMED, None),
        ({"inputs": {"x": [1, None], "name": ["a", "ü"], "v": [[1, 2], [3, 4]]}}, NAMED, None),
        ({"instances": [[1, 2], [3, 4]]}, NUMBERS, {"a": [1.0, 3.0], "b": [2, 4]}),
        ({"instances": [[1, 2], [3, 4]]}, VECTOR, {"v": [[1.0, 2.0], [3.0, 4.0]]}),
        ({"inputs": [[1, 2], [3, 4]], "signature_name": "serving_default"}, VECTOR, {"v": [[1.0, 2.0], [3.0, 4.0]]}),
        ({"instances": [1, 2.5]}, ONE, {"x": [1.0, 2.5]}),
        ({"instances": [[1], [2.5]]}, ONE, {"x": [1.0, 2.5]}),
        ({"instances": []}, ONE, {"x": []}),
    ],
)
def test_rows_and_columns_are_read(content: Any, inputs: Inputs, rows: dict[str, list[Any]] | None) -> None:
    assert read(content, inputs) == (rows or {"x": [1.0, None], "name": ["a", "ü"], "v": [[1.0, 2.0], [3.0, 4.0]]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "instances"),
        ({"instances": [], "inputs": {}}, "not both"),
        ({"instances": [{"x": 1}]}, "instance 0 has no name, v"),
        ({"inputs": {"x": 1}}, "x: a list of values was expected"),
        ({"instances": [{"x": "1", "name": "a", "v": [1, 2]}]}, "x: expected an array of double"),
        ({"instances": [{"x": 1, "name": {"b64": "%"}, "v": [1, 2]}]}, "b64"),
        ({"instances": [{"x": 1, "name": "a", "v": [1, 2]}], "signature_name": "other"}, "one signature"),
        ([1], "no predict request"),
    ],
)
def test_what_does_not_fit_is_said(content: Any, said: str) -> None:
    with pytest.raises(InvalidRows, match=said):
        read(content, NAMED)
    with pytest.raises(TooLarge, match="101 rows"):
        read({"instances": [1] * 101}, ONE)


def test_answers_have_the_form_of_their_question() -> None:
    rows = tensorflow.read(b'{"instances": [1, 2]}', ONE, 9)
    columns = tensorflow.read(b'{"inputs": [1, 2]}', ONE, 9)
    one, two = answered(y=[0.5, 1.5]), answered(y=[0.5, 1.5], label=["a", "b"])
    assert msgspec.json.decode(rows.answer(one).body) == {"predictions": [0.5, 1.5]}
    assert msgspec.json.decode(rows.answer(two).body) == {"predictions": [{"y": 0.5, "label": "a"}, {"y": 1.5, "label": "b"}]}
    assert msgspec.json.decode(columns.answer(one).body) == {"outputs": [0.5, 1.5]}
    assert msgspec.json.decode(columns.answer(two).body) == {"outputs": {"y": [0.5, 1.5], "label": ["a", "b"]}}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.data())
def test_no_body_does_harm(drawn: Any) -> None:
    body = drawn
    if not isinstance(drawn, bytes):
        altered = bytearray(b'{"instances": [{"x": 1, "name": {"b64": "w7w="}, "v": [1, 2]}]}')
        for _ in range(drawn.draw(st.integers(1, 5))):
            altered[drawn.draw(st.integers(0, len(altered) - 1))] = drawn.draw(st.integers(0, 255))
        body = bytes(altered)
    with contextlib.suppress(InvalidRows, TooLarge):
        joined([tensorflow.read(body, NAMED, 9).columns], NAMED)
