"""An architecture is data that nobody trusts: it makes sense and is small, or is refused."""

from typing import Any

import msgspec
import pytest

from instream.errors import PackageError
from instream.keyed.architecture import Architecture, architecture_from, slot_bytes
from instream.keyed.linear import Linear
from instream.keyed.mlp import Mlp
from instream.keyed.trees import Trees


@pytest.mark.parametrize(
    "architecture",
    [Linear(5, 3, "softmax"), Mlp((5, 16, 8, 1), "tanh", "identity", "float32"), Trees(5, 10, 31, 4, 2, "identity", True, "float64")],
)
def test_data_and_back(architecture: Architecture) -> None:
    assert architecture_from(msgspec.json.decode(msgspec.json.encode(architecture))) == architecture
    assert slot_bytes(architecture) == architecture.arena(1).nbytes
    assert architecture.arena(3).nbytes == 3 * slot_bytes(architecture)


GOOD: dict[str, dict[str, Any]] = {
    "linear": {"type": "linear", "features": 5, "outputs": 1, "link": "identity"},
    "mlp": {"type": "mlp", "widths": [5, 8, 1], "activation": "relu", "link": "identity"},
    "trees": {
        "type": "trees", "features": 5, "trees": 3, "nodes": 7, "depth": 3, "outputs": 1,
        "link": "identity", "missing": False, "compared": "float32",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "change"),
    [
        ("linear", {"type": "quadratic"}),
        ("linear", {"features": 0}),
        ("linear", {"features": -3}),
        ("linear", {"features": "5"}),
        ("linear", {"features": 2.5}),
        ("linear", {"outputs": 10**12}),
        ("linear", {"outputs": 2, "link": "logistic"}),
        ("linear", {"outputs": 1, "link": "softmax"}),
        ("linear", {"features": 5_000_000, "outputs": 2}),
        ("linear", {"dtype": "int8"}),
        ("linear", {"more": 1}),
        ("mlp", {"widths": [5]}),
        ("mlp", {"widths": []}),
        ("mlp", {"widths": [5, 0, 1]}),
        ("mlp", {"widths": [1] * 40}),
        ("mlp", {"widths": [5, 3_000, 3_000, 1]}),
        ("mlp", {"activation": "swish"}),
        ("trees", {"depth": 5_000}),
        ("trees", {"trees": 1_000, "nodes": 10_000}),
        ("trees", {"trees": 10**30}),
        ("trees", {"compared": "float16"}),
        ("trees", {"missing": 1}),
    ],
)
def test_nonsense_is_refused(tag: str, change: dict[str, Any]) -> None:
    architecture_from(GOOD[tag])
    with pytest.raises(PackageError):
        architecture_from(GOOD[tag] | change)
