"""Open Inference v2, in JSON, in binary and in messages: the same rows in, the same answer out, and errors that help."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instream.errors import InvalidRows, TooLarge
from instream.failures import NONE, Code, failures_of
from instream.package import Version
from instream.predictor import Prediction, stamped
from instream.wire import v2_grpc, v2_json
from instream.wire.answered import Answered, Whole
from instream.wire.columns import joined
from instream.wire.inputs import Inputs
from instream.wire.v2_grpc import InferRequest, InferResponse

SCHEMA = pa.schema([("x", pa.float64()), ("n", pa.int32()), ("on", pa.bool_()), ("name", pa.string()), ("v", pa.list_(pa.float32(), 2))])
INPUTS = Inputs(SCHEMA)
ROWS_MAX = 1_000
ROWS: dict[str, list[Any]] = {"x": [0.5, 1.5], "n": [3, -4], "on": [True, False], "name": ["ü", ""], "v": [[1.0, 2.0], [3.0, 4.0]]}
DATATYPES = {"x": "FP64", "n": "INT32", "on": "BOOL", "name": "BYTES", "v": "FP32"}


def in_json(rows: dict[str, list[Any]], **more: Any) -> bytes:
    inputs = [{"name": name, "datatype": DATATYPES[name], "shape": list(np.shape(values)), "data": values} for name, values in rows.items()]
    return msgspec.json.encode({"inputs": inputs, **more})


def contents(name: str, values: list[Any]) -> bytes:
    if name == "name":
        return b"".join(len(text.encode()).to_bytes(4, "little") + text.encode() for text in values)
    return np.array(values, SCHEMA.field(name).type.to_pandas_dtype() if name != "v" else np.float32).tobytes()


def in_binary(rows: dict[str, list[Any]]) -> tuple[bytes, int]:
    parts = {name: contents(name, values) for name, values in rows.items()}
    inputs = [
        {"name": name, "datatype": DATATYPES[name], "shape": list(np.shape(rows[name])), "parameters": {"binary_data_size": len(part)}}
        for name, part in parts.items()
    ]
    head = msgspec.json.encode({"inputs": inputs, "parameters": {"binary_data_output": True}})
    return head + b"".join(parts.values()), len(head)


def in_message(rows: dict[str, list[Any]], *, raw: bool) -> Any:
    request = InferRequest(model_name="delay", id="7")
    fields = {"x": "fp64_contents", "n": "int_contents", "on": "bool_contents", "name": "bytes_contents", "v": "fp32_contents"}
    for name, values in rows.items():
        tensor = request.inputs.add(name=name, datatype=DATATYPES[name], shape=np.shape(values))
        if raw:
            request.raw_input_contents.append(contents(name, values))
        else:
            flat = [text.encode() for text in values] if name == "name" else np.ravel(values).tolist()
            getattr(tensor.contents, fields[name]).extend(flat)
    return request


def by_json(rows: dict[str, list[Any]]) -> Any:
    return v2_json.read(in_json(rows), None, INPUTS, ROWS_MAX)


def by_binary(rows: dict[str, list[Any]]) -> Any:
    return v2_json.read(*in_binary(rows), INPUTS, ROWS_MAX)


def by_message(rows: dict[str, list[Any]]) -> Any:
    return v2_grpc.read(in_message(rows, raw=False), INPUTS, ROWS_MAX)


def by_raw_message(rows: dict[str, list[Any]]) -> Any:
    return v2_grpc.read(in_message(rows, raw=True), INPUTS, ROWS_MAX)


WAYS = [by_json, by_binary, by_message, by_raw_message]


def answered(rows: int = 2, start: int = 0, failed: tuple[int, ...] = ()) -> Answered:
    total = start + rows
    outputs = pa.record_batch(
        {
            "p": pa.array([[i + 0.25, i + 0.75] for i in range(total)], pa.list_(pa.float32(), 2)),
            "label": pa.array([f"l{i}" for i in range(total)]),
            "n": pa.array([None if i in failed else i for i in range(total)], pa.int64()),
        }
    )
    stamps = stamped(Version(3), total)
    failures = failures_of((row, Code.NULL, "x is null") for row in failed) if failed else NONE
    return Answered("delay", Whole(Prediction(outputs, stamps, 7, failures)), start, rows)


@pytest.mark.parametrize("way", WAYS)
def test_rows_are_read_with_their_types(way: Callable[[dict[str, list[Any]]], Any]) -> None:
    batch = joined([way(ROWS).columns], INPUTS)
    assert batch.schema.equals(SCHEMA)
    assert batch.to_pydict() == ROWS


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False),
            st.integers(-(2**31), 2**31 - 1),
            st.booleans(),
            st.text(),
            st.floats(width=32, allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=9,
    )
)
def test_every_way_reads_the_same(way: Callable[[dict[str, list[Any]]], Any], rows: list[Any]) -> None:
    if way is by_json and any(np.isinf(row[0]) for row in rows):
        return  # JSON has no infinity
    x, n, on, name, v = (list(column) for column in zip(*rows, strict=True))
    given_rows = {"x": x, "n": n, "on": on, "name": name, "v": [[each, each] for each in v]}
    assert joined([way(given_rows).columns], INPUTS).to_pydict() == given_rows


def test_several_requests_become_one_batch() -> None:
    more = {**ROWS, "x": [7.5, 8.5]}
    batch = joined([by_json(ROWS).columns, by_raw_message(more).columns, by_message(ROWS).columns], INPUTS)
    assert batch.column("x").to_pylist() == [0.5, 1.5, 7.5, 8.5, 0.5, 1.5]
    assert batch.column("name").to_pylist() == ["ü", ""] * 3


def test_a_missing_number_is_null() -> None:
    assert joined([by_json({**ROWS, "x": [None, 1]}).columns], INPUTS).column("x").to_pylist() == [None, 1.0]
    assert joined([by_binary({**ROWS, "x": [float("nan"), 1]}).columns], INPUTS).column("x").to_pylist() == [None, 1.0]


def test_one_matrix_stands_for_all_columns() -> None:
    inputs = Inputs(pa.schema([("a", pa.float64()), ("b", pa.int64())]))
    body = msgspec.json.encode({"inputs": [{"name": "predict", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2], [3, 4]]}]})
    assert joined([v2_json.read(body, None, inputs, 9).columns], inputs).to_pydict() == {"a": [1.0, 3.0], "b": [2, 4]}
    only = Inputs(pa.schema([("v", pa.list_(pa.float32(), 2))]))
    assert joined([v2_json.read(body, None, only, 9).columns], only).to_pydict() == {"v": [[1.0, 2.0], [3.0, 4.0]]}


def test_an_answer_in_json() -> None:
    reply = v2_json.read(in_json(ROWS, id="q"), None, INPUTS, ROWS_MAX).answer(answered(2, start=1))
    assert reply.media_type == "application/json"
    assert msgspec.json.decode(reply.body) == {
        "model_name": "delay",
        "model_version": "3",
        "id": "q",
        "outputs": [
            {"name": "p", "datatype": "FP32", "shape": [2, 2], "data": [1.25, 1.75, 2.25, 2.75]},
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["l1", "l2"]},
            {"name": "n", "datatype": "INT64", "shape": [2], "data": [1, 2]},
        ],
    }


def test_an_answer_in_binary_where_it_is_asked_for() -> None:
    wanted = [{"name": "n", "parameters": {"binary_data": True}}, {"name": "label"}]
    reply = v2_json.read(in_json(ROWS, outputs=wanted), None, INPUTS, ROWS_MAX).answer(answered())
    length = int(reply.headers[v2_json.LENGTH_HEADER])
    head = msgspec.json.decode(reply.body[:length])
    assert [output["name"] for output in head["outputs"]] == ["n", "label"]
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert np.frombuffer(reply.body[length:], np.int64).tolist() == [0, 1]
    everything = by_binary(ROWS).answer(answered())
    assert everything.body.endswith(contents("name", ["l0", "l1"]) + np.array([0, 1]).tobytes())


@pytest.mark.parametrize("raw", [True, False])
def test_an_answer_in_a_message(raw: bool) -> None:
    reply = v2_grpc.read(in_message(ROWS, raw=raw), INPUTS, ROWS_MAX).answer(answered())
    response = InferResponse.FromString(reply.body)
    assert (response.model_name, response.model_version, response.id) == ("delay", "3", "7")
    assert [(output.name, output.datatype, list(output.shape)) for output in response.outputs] == [
        ("p", "FP32", [2, 2]),
        ("label", "BYTES", [2]),
        ("n", "INT64", [2]),
    ]
    if raw:
        assert np.frombuffer(response.raw_output_contents[2], np.int64).tolist() == [0, 1]
    else:
        assert list(response.outputs[2].contents.int64_contents) == [0, 1]
        assert list(response.outputs[1].contents.bytes_contents) == [b"l0", b"l1"]


def test_a_row_that_fails_fails_its_request_alone() -> None:
    question = by_json(ROWS)
    with pytest.raises(InvalidRows, match="row 1: null: x is null"):
        question.answer(answered(2, start=0, failed=(1,)))
    beside = msgspec.json.decode(question.answer(answered(2, start=2, failed=(1,))).body)
    assert beside["outputs"][2]["data"] == [2, 3]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": []}, "0 values|rows"),
        ({"x": ["a", "b"]}, "expected an array of double"),
        ({"x": [True, False]}, "expected an array of double"),
        ({"n": [1.5, 2]}, "expected an array of int32"),
        ({"n": [1 << 40, 2]}, "expected an array of int32"),
        ({"name": [1, 2]}, "expected an array of string"),
        ({"v": [[1, 2], [3]]}, "different lengths"),
        ({"v": [[1, 2, 3], [4, 5, 6]]}, r"v has shape \[2, 3\], and the model reads \[-1, 2\]"),
        ({"x": [1.0]}, "the tensors have 1 and 2 rows"),
    ],
)
def test_what_does_not_fit_is_said(changed: dict[str, Any], said: str) -> None:
    rows = {**ROWS, **changed}
    inputs = [
        {"name": name, "datatype": DATATYPES[name], "shape": [len(values), *([len(values[0])] if name == "v" else [])], "data": values}
        for name, values in rows.items()
    ]
    with pytest.raises(InvalidRows, match=said):
        v2_json.read(msgspec.json.encode({"inputs": inputs}), None, INPUTS, ROWS_MAX)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(InvalidRows, match=r"the model reads name, v, and the request has x, n, on. It reads x FP64 \[-1\], n INT32"):
        by_json({name: ROWS[name] for name in ("x", "n", "on")})
    with pytest.raises(TooLarge, match="1,001 rows in one request: at most 1,000"):
        by_json({**ROWS, "x": [1.0] * 1_001})
    with pytest.raises(InvalidRows, match="the model gives p, label, n, and not q"):
        v2_json.read(in_json(ROWS, outputs=[{"name": "q"}]), None, INPUTS, ROWS_MAX).answer(answered())
    with pytest.raises(InvalidRows, match="datatype 'FP128' is none of BOOL"):
        v2_json.read(in_json(ROWS).replace(b"FP64", b"FP128"), None, INPUTS, ROWS_MAX)


def test_the_compiled_messages_are_those_of_the_files(tmp_path: Any) -> None:
    import subprocess
    import sys

    from instream.wire.messages import COMPILED

    made = tmp_path / "made.binpb"
    files = ["open_inference.proto", "health.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", COMPILED.parent, f"--descriptor_set_out={made}", *files], check=True)
    assert made.read_bytes() == COMPILED.read_bytes(), "run `make messages`"


_JSON = in_json(ROWS)
_BINARY, _LENGTH = in_binary(ROWS)
_MESSAGE = in_message(ROWS, raw=True).SerializeToString()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_body_does_harm(data: st.DataObject) -> None:
    """Whatever is changed in a request: it is read, or refused as the client's fault."""
    from google.protobuf.message import DecodeError

    def changed(body: bytes) -> bytes:
        altered = bytearray(body)
        for _ in range(data.draw(st.integers(1, 6))):
            altered[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        return bytes(altered[: data.draw(st.integers(0, len(body)))])

    length = data.draw(st.one_of(st.none(), st.integers(0, len(_BINARY) + 10), st.just(_LENGTH)))
    for read in (
        lambda: v2_json.read(changed(_JSON), None, INPUTS, ROWS_MAX),
        lambda: v2_json.read(changed(_BINARY), length, INPUTS, ROWS_MAX),
        lambda: v2_grpc.read(InferRequest.FromString(changed(_MESSAGE)), INPUTS, ROWS_MAX),
    ):
        with contextlib.suppress(InvalidRows, TooLarge, DecodeError):
            joined([read().columns], INPUTS)
