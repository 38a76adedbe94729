"""Open Inference Protocol v2 over REST: JSON, and the binary tensor data extension.

Sources: the KServe project's "Open Inference Protocol (V2 Inference Protocol)", Triton's "Binary Tensor Data Extension".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from instream.errors import InvalidRows
from instream.wire import binary
from instream.wire.answered import Answered
from instream.wire.columns import Columns
from instream.wire.inputs import DATATYPES, Inputs
from instream.wire.json_values import to_list, values_of
from instream.wire.question import Reply
from instream.wire.tensors import Tensor, columns_of, size_of

LENGTH_HEADER = "inference-header-content-length"
"""Where the JSON ends in a body that has binary tensors after it."""

_JSON = "application/json"
_BINARY = "application/octet-stream"


class _Input(msgspec.Struct, frozen=True, gc=False):
    name: str
    shape: tuple[int, ...]
    datatype: str
    data: msgspec.Raw = msgspec.Raw(b"")
    parameters: dict[str, Any] = {}


class _Wanted(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct, frozen=True):
    inputs: list[_Input]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[_Wanted] | None = None


class _Output(msgspec.Struct, omit_defaults=True):
    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


class _Response(msgspec.Struct, omit_defaults=True):
    model_name: str
    model_version: str
    outputs: list[_Output]
    id: str | None = None


_DECODE = msgspec.json.Decoder(_Request).decode
_ENCODE = msgspec.json.Encoder().encode


class V2Question(msgspec.Struct, frozen=True, gc=False):
    """Satisfies Question.

    Attributes:
        wanted: the outputs to give, in that order; None for all.
        in_binary: those that are to be given in binary; None for all.
    """

    columns: Columns
    id: str | None
    wanted: Sequence[str] | None
    in_binary: frozenset[str] | None

    def answer(self, answered: Answered) -> Reply:
        outputs, parts = [], []
        for each in answered.outputs(self.wanted):
            output = _Output(each.name, each.datatype, each.shape)
            if self.in_binary is None or each.name in self.in_binary:
                parts.append(binary.write(each.values, each.item))
                output.parameters = {"binary_data_size": len(parts[-1])}
            else:
                output.data = to_list(each.values.reshape(-1) if isinstance(each.values, np.ndarray) else each.values)
            outputs.append(output)
        head = _ENCODE(_Response(answered.name, str(answered.version), outputs, self.id))
        if not parts:
            return Reply(head, _JSON)
        return Reply(b"".join([head, *parts]), _BINARY, {LENGTH_HEADER: str(len(head))})


def read(body: bytes, head_length: int | None, inputs: Inputs, rows_max: int) -> V2Question:
    """A request.

    Args:
        head_length: bytes of JSON at the beginning, as `LENGTH_HEADER` says; None where all is JSON.
    Raises:
        InvalidRows, TooLarge: says what was expected.
    """
    if head_length is not None and not 0 < head_length <= len(body):
        raise InvalidRows(f"{LENGTH_HEADER}: {head_length}, and the body has {len(body)} bytes")
    try:
        request = _DECODE(body if head_length is None else memoryview(body)[:head_length])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRows(f"no inference request of Open Inference v2: {error}") from error
    tensors = _tensors(request.inputs, memoryview(body)[len(body) if head_length is None else head_length :], rows_max)
    wanted = None if request.outputs is None else [output.name for output in request.outputs]
    return V2Question(columns_of(tensors, inputs), request.id, wanted, _in_binary(request))


def _tensors(inputs: Sequence[_Input], rest: memoryview, rows_max: int) -> list[Tensor]:
    tensors: list[Tensor] = []
    at = 0
    for given in inputs:
        if given.datatype not in DATATYPES:
            raise InvalidRows(f"{given.name}: datatype {given.datatype!r} is none of {', '.join(DATATYPES)}")
        kind, count = DATATYPES[given.datatype], size_of(given.shape, given.name, rows_max)
        if "binary_data_size" in given.parameters:
            size = given.parameters["binary_data_size"]
            if not isinstance(size, int) or not 0 <= size <= len(rest) - at:
                raise InvalidRows(f"{given.name}: binary_data_size {size!r}, and {len(rest) - at} bytes are left of the body")
            values = binary.read(rest[at : at + size], kind, count, given.name)
            at += size
        else:
            values = values_of(given.data, kind, given.name)
        if len(values) != count:
            raise InvalidRows(f"{given.name}: {len(values)} values, and the shape {list(given.shape)} has {count}")
        tensors.append(Tensor(given.name, given.shape, values))
    if at != len(rest):
        raise InvalidRows(f"{len(rest) - at} bytes of the body belong to no tensor")
    return tensors


def _in_binary(request: _Request) -> frozenset[str] | None:
    """Which outputs are to be binary; each may say for itself what the request says for all."""
    all_of_them = bool(request.parameters.get("binary_data_output", False))
    if request.outputs is None:
        return None if all_of_them else frozenset()
    return frozenset(output.name for output in request.outputs if output.parameters.get("binary_data", all_of_them))
