"""Candidates for an estimator: ONNX in float32, in float64, ONNX up to the trees and treelite for them, and itself."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import skops.io
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from skl2onnx.sklapi import CastTransformer
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from instream.errors import UntrustedModel
from instream.formats.chain import CLOSED
from instream.formats.onnx import NULL
from instream.formats.sklearn import FRAME
from instream.package import Step
from instream.publishing.files import PICKLE
from instream.publishing.original import Conversion
from instream.publishing.sklearn import inside, missing
from instream.publishing.sklearn.trees import treelite_step
from instream.signature import Signature

NULL_TEXT = "\ue000null"
"""What a null text is called inside a graph: a character for private use, so that no record has it."""

_HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_SINGLE, _DOUBLE = np.float32, np.float64
_OPSET = {"": 21, "ai.onnx.ml": 3}  # with 4, skl2onnx refuses isolation forests
_OWN = ("sklearn.", "numpy.", "scipy.")


def candidates(estimator: Any, step: Step, signature: Signature, closed: tuple[str, ...], trust: tuple[str, ...]) -> Iterator[Conversion]:
    """In the order in which they are tried."""
    before, last = inside.split(estimator)
    is_tree = bool(inside.thresholds(last))
    yield Conversion("onnx float32", lambda folder: (_onnx(folder, estimator, step, signature, closed, _SINGLE),))
    if before is not None or not is_tree:  # trees alone round to float32 first: the same candidate again
        yield Conversion("onnx float64", lambda folder: (_onnx(folder, _double(estimator, is_tree), step, signature, closed, _DOUBLE),))
    if is_tree:
        name = "treelite" if before is None else "onnx float64, treelite"
        yield Conversion(name, lambda folder: _trees(folder, before, last, step, signature, closed))
    yield Conversion("scikit-learn", lambda folder: (_native(folder, estimator, step, trust),), exact=True)


def _double(estimator: Any, is_tree: bool) -> Any:
    """The same pipeline, rounding to float32 where scikit-learn's trees do."""
    before, last = inside.split(estimator)
    if before is None or not is_tree or isinstance(last, _HISTOGRAM):
        return estimator
    return Pipeline([*before.steps, ("round", CastTransformer(dtype=np.float32)), ("last", last)])


def _onnx(folder: Path, estimator: Any, step: Step, signature: Signature, closed: tuple[str, ...], dtype: Any) -> Step:
    """Convert; the outputs of the graph come in the order of the step's methods."""
    inputs, types = _graph_inputs(estimator, step, signature, dtype)
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    model = to_onnx_quietly(_nullable_text(estimator) if _has_text(signature) else estimator, types, options, estimator)
    missing.repair(model, inside.split(estimator)[1])
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    outputs = {each.name: column for each, column in zip(model.graph.output, step.outputs.values(), strict=False)}
    return Step("onnx", "model.onnx", inputs, outputs, _onnx_options(signature, closed))


def to_onnx_quietly(estimator: Any, types: Any, options: Any, named: Any) -> Any:
    """skl2onnx warns about versions and casts; what matters is proved afterwards."""
    if options is not None and estimator is not named:
        options = {id(estimator): options[id(named)]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(estimator, initial_types=types, options=options, target_opset=_OPSET)


def _onnx_options(signature: Signature, closed: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {CLOSED: closed} if closed else {}
    return options | ({NULL: NULL_TEXT} if _has_text(signature) else {})


def _graph_inputs(estimator: Any, step: Step, signature: Signature, dtype: Any) -> tuple[dict[str, tuple[str, ...]], list[Any]]:
    """One matrix where that is possible; one input a column where a ColumnTransformer picks them."""
    number = DoubleTensorType if dtype is _DOUBLE else FloatTensorType
    schema = signature.requires
    texts = [pa.types.is_string(kind) for kind in schema.types]
    if inside.has(estimator, ColumnTransformer) and (step.options["feed"] == FRAME or any(texts)):
        types = [(field.name, (StringTensorType if is_text else number)([None, 1])) for field, is_text in zip(schema, texts, strict=True)]
        return {field.name: (field.name,) for field in schema}, types
    if any(texts) and not all(texts):
        raise ValueError("texts and numbers in one matrix have no tensor type in ONNX")
    width = sum(kind.list_size if pa.types.is_fixed_size_list(kind) else 1 for kind in schema.types)
    return {"X": tuple(schema.names)}, [("X", (StringTensorType if all(texts) else number)([None, width]))]


def _has_text(signature: Signature) -> bool:
    return any(pa.types.is_string(kind) for kind in signature.requires.types)


def _nullable_text(estimator: Any) -> Any:
    """A copy that calls missing text `NULL_TEXT`, since ONNX knows no null in texts."""
    twin = copy.deepcopy(estimator)
    for part in inside.parts(twin):
        if isinstance(part, SimpleImputer) and np.asarray(part.statistics_).dtype.kind in "OU":
            part.missing_values = NULL_TEXT
        if isinstance(part, OneHotEncoder | OrdinalEncoder):
            part.categories_ = [_named_null(known) for known in part.categories_]
    return twin


def _named_null(known: Any) -> Any:
    if known.dtype.kind != "O":
        return known
    return np.array([NULL_TEXT if value is None or value != value else value for value in known.tolist()], object)


def _trees(folder: Path, before: Any, last: Any, step: Step, signature: Signature, closed: tuple[str, ...]) -> tuple[Step, ...]:
    if before is None:
        return (treelite_step(folder, last, dict(step.inputs), step, closed),)
    inputs, types = _graph_inputs(before, step, signature, _DOUBLE)
    model = to_onnx_quietly(_nullable_text(before) if _has_text(signature) else before, types, None, before)
    (folder / "before.onnx").write_bytes(model.SerializeToString())
    first = Step("onnx", "before.onnx", inputs, {model.graph.output[0].name: "features"}, _onnx_options(signature, closed))
    return first, treelite_step(folder, last, {"X": ("features",)}, step, ())


def _native(folder: Path, estimator: Any, step: Step, trust: tuple[str, ...]) -> Step:
    content = skops.io.dumps(estimator)
    foreign = set(skops.io.get_untrusted_types(data=content)) - set(trust)
    # The estimator is alive in this process, so the framework's own types in it are no surprise; the package names them.
    own = {name for name in foreign if name.startswith(_OWN)}
    if unknown := sorted(foreign - own):
        named = " ".join(f"--trust {name}" for name in unknown)
        raise UntrustedModel(
            f"to run it as it is, name the types that instream may load: {named} (in Python: trust={tuple(unknown)!r}); "
            "their modules must be importable wherever the model runs"
        )
    (folder / "model.skops").write_bytes(content)
    options = {name: value for name, value in step.options.items() if value != ()}
    trusted = tuple(sorted(own | {name for name in trust if name != PICKLE}))
    return Step("sklearn", "model.skops", step.inputs, step.outputs, options | ({"trusted": trusted} if trusted else {}))
