"""Open Inference Protocol v2 over gRPC: its messages to batches and back. See `v2_json` for the sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from instream.errors import InvalidRows
from instream.wire import binary
from instream.wire.answered import Answered, Values
from instream.wire.columns import Column, Columns
from instream.wire.inputs import DATATYPES, Inputs, datatype_of, shape_of
from instream.wire.messages import message
from instream.wire.question import Reply
from instream.wire.tensors import Tensor, columns_of, size_of

SERVICE = "inference.GRPCInferenceService"
InferRequest = message("inference.ModelInferRequest")
InferResponse = message("inference.ModelInferResponse")
_Metadata = message("inference.ModelMetadataResponse")

_CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Where a datatype's values are when they are not raw; the protocol has no place for FP16."""


class V2Question(msgspec.Struct, frozen=True, gc=False):
    """Satisfies Question.

    Attributes:
        wanted: the outputs to give, in that order; None for all.
        raw: whether values came, and so are given, as raw contents.
    """

    columns: Columns
    id: str
    wanted: Sequence[str] | None
    raw: bool

    def answer(self, answered: Answered) -> Reply:
        response = InferResponse(model_name=answered.name, model_version=str(answered.version), id=self.id)
        for each in answered.outputs(self.wanted):
            output = response.outputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
            if self.raw:
                response.raw_output_contents.append(binary.write(each.values, each.item))
            else:
                getattr(output.contents, _CONTENTS[each.datatype]).extend(_plain(each.values, each.item))
        return Reply(response.SerializeToString(), "application/grpc")


def read(request: Any, inputs: Inputs, rows_max: int) -> V2Question:
    """An `InferRequest`. Raises InvalidRows, TooLarge: says what was expected."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise InvalidRows(f"{len(raw)} raw_input_contents for {len(request.inputs)} inputs: all of them raw, or none")
    tensors = list(_tensors(request, rows_max))
    wanted = [output.name for output in request.outputs] or None
    return V2Question(columns_of(tensors, inputs), request.id, wanted, bool(raw))


def metadata(name: str, version: int, requires: pa.Schema, produces: pa.Schema) -> bytes:
    """What `ModelMetadata` answers."""
    response = _Metadata(name=name, versions=[str(version)], platform="instream")
    for schema, tensors in ((requires, response.inputs), (produces, response.outputs)):
        for field in schema:
            tensors.add(name=field.name, datatype=datatype_of(field.type), shape=shape_of(field.type, -1))
    return bytes(response.SerializeToString())


def _tensors(request: Any, rows_max: int) -> Iterator[Tensor]:
    for at, given in enumerate(request.inputs):
        if given.datatype not in DATATYPES:
            raise InvalidRows(f"{given.name}: datatype {given.datatype!r} is none of {', '.join(DATATYPES)}")
        kind, shape = DATATYPES[given.datatype], tuple(given.shape)
        count = size_of(shape, given.name, rows_max)
        if request.raw_input_contents:
            values = binary.read(request.raw_input_contents[at], kind, count, given.name)
        else:
            values = _contents(given, kind)
        if len(values) != count:
            raise InvalidRows(f"{given.name}: {len(values)} values, and the shape {list(shape)} has {count}")
        yield Tensor(given.name, shape, values)


def _contents(given: Any, kind: pa.DataType) -> Column:
    if given.datatype not in _CONTENTS:
        raise InvalidRows(f"{given.name}: {given.datatype} goes into raw_input_contents only")
    values = getattr(given.contents, _CONTENTS[given.datatype])
    try:
        if given.datatype == "BYTES":
            return pa.array([value.decode() for value in values], kind)
        return np.array(values, kind.to_pandas_dtype())
    except (UnicodeDecodeError, OverflowError, ValueError) as error:
        raise InvalidRows(f"{given.name}: expected {given.datatype}: {error}") from error


def _plain(values: Values, kind: pa.DataType) -> Sequence[Any]:
    if pa.types.is_string(kind):
        return [(text or "").encode() for text in np.asarray(values, object).reshape(-1)]
    return np.asarray(values).reshape(-1).tolist()
