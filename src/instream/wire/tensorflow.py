"""TensorFlow Serving's REST form, v1: `{"instances": …}` by rows, `{"inputs": …}` by columns.

Source: tensorflow.org, "TensorFlow Serving RESTful API", predict API, model status API, model metadata API.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from instream.errors import InvalidRows, TooLarge
from instream.wire.answered import Answered
from instream.wire.columns import Columns
from instream.wire.inputs import Inputs, shape_of
from instream.wire.json_values import to_list, values_of
from instream.wire.question import Reply
from instream.wire.tensors import Tensor, columns_of

_JSON = "application/json"
_DTYPES = {
    "bool": "DT_BOOL",
    "int8": "DT_INT8",
    "int16": "DT_INT16",
    "int32": "DT_INT32",
    "int64": "DT_INT64",
    "uint8": "DT_UINT8",
    "uint16": "DT_UINT16",
    "uint32": "DT_UINT32",
    "uint64": "DT_UINT64",
    "float": "DT_FLOAT",
    "double": "DT_DOUBLE",
    "string": "DT_STRING",
}


class _Request(msgspec.Struct, frozen=True):
    instances: list[Any] | None = None
    inputs: Any = None
    signature_name: str = "serving_default"


_DECODE = msgspec.json.Decoder(_Request).decode


@dataclass(frozen=True, slots=True)
class PredictQuestion:
    """Satisfies Question."""

    columns: Columns
    by_rows: bool

    def answer(self, answered: Answered) -> Reply:
        columns = {each.name: to_list(each.values) for each in answered.outputs()}
        if self.by_rows:
            content: Any = {"predictions": _rows(columns)}
        else:
            content = {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}
        return Reply(msgspec.json.encode(content), _JSON)


def read(body: bytes, inputs: Inputs, rows_max: int) -> PredictQuestion:
    """A predict request. Raises InvalidRows, TooLarge: says what was expected."""
    try:
        request = _DECODE(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRows(f"no predict request of TensorFlow Serving: {error}") from error
    if (request.instances is None) == (request.inputs is None):
        raise InvalidRows('expected {"instances": [row, …]} or {"inputs": {"name": [value, …], …}}, and not both')
    if request.signature_name not in ("serving_default", ""):
        raise InvalidRows(f'signature_name {request.signature_name!r}: a model has one signature, "serving_default"')
    by_rows = request.instances is not None
    columns = _by_rows(request.instances, inputs) if request.instances is not None else _by_columns(request.inputs, inputs)
    tensors = []
    for name, values in columns.items():
        if len(values) > rows_max:
            raise TooLarge(f"{len(values):,} rows in one request: at most {rows_max:,} are taken; send fewer at once")
        tensors.append(_tensor(name, values, inputs))
    return PredictQuestion(columns_of(tensors, inputs), by_rows)


def status(version: int, *, available: bool) -> bytes:
    """The model status API's answer."""
    state = "AVAILABLE" if available else "LOADING"
    return msgspec.json.encode(
        {"model_version_status": [{"version": str(version), "state": state, "status": {"error_code": "OK", "error_message": ""}}]}
    )


def metadata(name: str, version: int, requires: pa.Schema, produces: pa.Schema) -> bytes:
    """The model metadata API's answer."""
    signature = {"inputs": _infos(requires), "outputs": _infos(produces), "method_name": "tensorflow/serving/predict"}
    return msgspec.json.encode(
        {
            "model_spec": {"name": name, "signature_name": "", "version": str(version)},
            "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
        }
    )


def _by_rows(instances: list[Any], reads: Inputs) -> Mapping[str, list[Any]]:
    if not all(isinstance(row, dict) for row in instances):
        name = reads.fields[0].name if len(reads.fields) == 1 else "instances"  # rows of numbers, a list each
        return {name: [_text(row) for row in instances]}
    names = reads.by_name.keys()
    for at, row in enumerate(instances):
        if absent := names - row.keys():
            raise InvalidRows(f"instance {at} has no {', '.join(sorted(absent))}. The model reads {reads}")
    return {name: [_text(row[name]) for row in instances] for name in names}


def _by_columns(inputs: Any, reads: Inputs) -> Mapping[str, list[Any]]:
    given = (
        inputs
        if isinstance(inputs, dict) and not _is_binary(inputs)
        else {reads.fields[0].name if len(reads.fields) == 1 else "inputs": inputs}
    )
    for name, values in given.items():
        if not isinstance(values, list):
            raise InvalidRows(f"{name}: a list of values was expected, one for each row")
    return {name: [_text(value) for value in values] for name, values in given.items()}


def _tensor(name: str, rows: list[Any], reads: Inputs) -> Tensor:
    kind = reads.by_name[name].item if name in reads.by_name else pa.float64()  # the matrix that stands for every column
    values = values_of(msgspec.json.encode(rows), kind, name)
    width, rest = divmod(len(values), len(rows)) if rows else (0, 0)
    if rest:
        raise InvalidRows(f"{name}: rows of different lengths")
    shape = (len(rows), width) if rows and isinstance(rows[0], list) else (len(rows),)
    return Tensor(name, shape, values)


def _text(value: Any) -> Any:
    """`{"b64": …}` is how bytes are given; texts are UTF-8."""
    if not _is_binary(value):
        return value
    try:
        return base64.b64decode(value["b64"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, TypeError, ValueError) as error:
        raise InvalidRows(f"b64: UTF-8 in base64 was expected: {error}") from error


def _is_binary(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _rows(columns: Mapping[str, list[Any]]) -> list[Any]:
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _infos(schema: pa.Schema) -> Mapping[str, Any]:
    return {field.name: _info(field) for field in schema}


def _info(field: pa.Field) -> Mapping[str, Any]:
    kind = field.type.value_type if pa.types.is_fixed_size_list(field.type) else field.type
    sizes = [{"size": str(size), "name": ""} for size in shape_of(field.type, -1)]
    return {"dtype": _DTYPES[str(kind)], "tensor_shape": {"dim": sizes, "unknown_rank": False}, "name": field.name}
