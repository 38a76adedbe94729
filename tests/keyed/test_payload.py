"""Parameters come back as they were written, or not at all."""

import contextlib
import json
import resource
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instream.errors import ParametersRefused
from instream.keyed.architecture import Architecture
from instream.keyed.linear import Linear
from instream.keyed.mlp import Mlp
from instream.keyed.payload import Golden, bytes_max, decode, encode
from instream.keyed.trees import Trees

NAMES = ("distance", 'a "quoted" \\ \u00e9\u0001', "c")
LINEAR = Linear(3, 1, "identity")
ARCHITECTURES: list[Architecture] = [
    LINEAR,
    Linear(3, 4, "softmax", "float32"),
    Mlp((3, 8, 1), "relu", "logistic"),
    Trees(3, 5, 7, 3, 2, "identity", True, "float32"),
]


def tensors_of(architecture: Architecture) -> dict[str, Any]:
    random = np.random.default_rng(3)
    kinds = architecture.dtypes
    made = {name: np.asarray(random.normal(size=shape) * 3, kinds[name]) for name, shape in architecture.shapes.items()}
    return {name: np.abs(tensor) % 3 if tensor.dtype == np.int32 else tensor for name, tensor in made.items()}


def golden_of(architecture: Architecture, rows: int = 4) -> Golden:
    random = np.random.default_rng(4)
    return Golden(random.normal(size=(rows, architecture.features)), random.normal(size=(rows, architecture.width)))


def payload_of(architecture: Architecture) -> bytes:
    return encode(architecture, NAMES, tensors_of(architecture), golden_of(architecture))


def assert_same(payload: bytes, architecture: Architecture) -> None:
    found = decode(payload, architecture, NAMES)
    for name, tensor in tensors_of(architecture).items():
        np.testing.assert_array_equal(found.tensors[name], tensor, strict=True)
    np.testing.assert_array_equal(found.golden.inputs, golden_of(architecture).inputs, strict=True)
    np.testing.assert_array_equal(found.golden.scores, golden_of(architecture).scores, strict=True)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_come_back_as_they_were(architecture: Architecture) -> None:
    assert_same(payload_of(architecture), architecture)


def test_there_may_be_no_golden_rows() -> None:
    payload = encode(LINEAR, NAMES, tensors_of(LINEAR), golden_of(LINEAR, 0))
    assert decode(payload, LINEAR, NAMES).golden.scores.shape == (0, 1)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ARCHITECTURES), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(architecture: Architecture, where: float, change: int) -> None:
    payload = bytearray(payload_of(architecture))
    payload[int(where * len(payload))] ^= change
    with contextlib.suppress(ParametersRefused):
        assert_same(bytes(payload), architecture)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ARCHITECTURES), st.floats(0, 1, exclude_max=True))
def test_a_cut_off_payload_is_refused(architecture: Architecture, where: float) -> None:
    payload = payload_of(architecture)
    with pytest.raises(ParametersRefused):
        decode(payload[: int(where * len(payload))], architecture, NAMES)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(ParametersRefused):
        decode(payload, LINEAR, NAMES)


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(ParametersRefused, match="too many"):
        decode(bytes(bytes_max(LINEAR, tuple(NAMES)) + 1), LINEAR, NAMES)


@pytest.mark.parametrize("text", [b'{"__metadata__":' + b"[" * 4_000, b'{"__metadata__":' + b"[" * 1_900 + b"]" * 1_900 + b"}"])
def test_json_that_is_nested_deep_is_refused(text: bytes) -> None:
    with pytest.raises(ParametersRefused, match="no parameters"):
        decode(len(text).to_bytes(8, "little") + text, LINEAR, NAMES)


def rewritten(payload: bytes, change: Any) -> bytes:
    """With another JSON header."""
    length = int.from_bytes(payload[:8], "little")
    outer = json.loads(payload[8 : 8 + length])
    own = json.loads(outer["__metadata__"]["instream"])
    change(outer, own)
    outer["__metadata__"]["instream"] = json.dumps(own)
    text = json.dumps(outer).encode()
    return len(text).to_bytes(8, "little") + text + payload[8 + length :]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda outer, own: own.update(format=2), "format 2"),
        (lambda outer, own: own.update(architecture="mlp"), "architecture 'mlp'"),
        (lambda outer, own: own.update(features=["distance", "b", "d"]), "read distance, b, d"),
        (lambda outer, own: own.update(digest="0" * 64), "digest"),
        (lambda outer, own: own.pop("digest"), "digest"),
        (lambda outer, own: outer["coef"].update(dtype="I64"), "int64"),
        (lambda outer, own: outer["coef"].update(shape=[3, 1]), r"\(3, 1\)"),
        (lambda outer, own: outer["coef"].update(shape=[10**6, 10**6]), "no parameters"),
        (lambda outer, own: outer["coef"].update(shape=[10**12, 0]), "no parameters"),
        (lambda outer, own: outer["coef"].update(shape=[2**63, 0], data_offsets=[0, 0]), "no parameters"),
        (lambda outer, own: outer.update(other=outer.pop("coef")), "other"),
    ],
)
def test_another_header_is_refused(change: Any, says: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ParametersRefused, match=says):
        decode(rewritten(payload_of(LINEAR), change), LINEAR, NAMES)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize("other", [Linear(3, 2, "identity"), Linear(3, 1, "identity", "float32"), Mlp((3, 1), "relu", "identity")])
def test_parameters_of_another_architecture_are_refused(other: Architecture) -> None:
    with pytest.raises(ParametersRefused):
        decode(payload_of(LINEAR), other, NAMES)


def test_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ParametersRefused, match="coef has a value that is not finite"):
        encode(LINEAR, NAMES, {"coef": np.full((1, 3), np.inf), "intercept": np.zeros(1)}, golden_of(LINEAR))
    with pytest.raises(ParametersRefused, match="golden rows"):
        encode(LINEAR, NAMES, tensors_of(LINEAR), Golden(np.full((1, 3), np.nan), np.zeros((1, 1))))


def test_a_child_that_is_not_there_is_refused() -> None:
    architecture = ARCHITECTURES[3]
    tensors = tensors_of(architecture)
    tensors["children"][0, 0, 0] = 7
    with pytest.raises(ParametersRefused, match="between 0 and 6"):
        encode(architecture, NAMES, tensors, golden_of(architecture))


def test_five_golden_rows_are_too_many() -> None:
    with pytest.raises(ParametersRefused, match="5 golden rows"):
        encode(LINEAR, NAMES, tensors_of(LINEAR), golden_of(LINEAR, 5))
