"""A fitted scikit-learn estimator or pipeline, as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from instream.compare import PROBABILITIES, SCORE
from instream.errors import ConversionRefused
from instream.formats.chain import Chain
from instream.formats.labels import LABEL, PREDICTION
from instream.formats.sklearn import FRAME, MATRIX, NAN, NONE, SklearnModel
from instream.package import Step
from instream.publishing.original import Border, Conversion
from instream.publishing.sample import Sample, type_of
from instream.publishing.sklearn import conversions, inside
from instream.signature import Category, Field, Signature


class SklearnOriginal:
    """Satisfies Original."""

    libraries = ("scikit-learn", "numpy", "scipy", "pandas", "onnxruntime", "skl2onnx", "treelite", "skops")

    def __init__(self, estimator: Any, sample: Sample, trust: Sequence[str]) -> None:
        self._estimator = estimator
        self.kind = type(estimator).__name__
        self._trust = tuple(trust)
        self.inputs = _inputs(estimator, sample)
        self._methods = _methods(estimator)
        self._step = Step("sklearn", "", {"X": self.inputs}, dict(self._methods), _options(estimator, self.inputs, sample))
        known = dict(self.categories()) | {name: sample.categories[name] for name in self.inputs if name in sample.categories}
        types = {name: type_of(name, sample.batch.schema.field(name).type) for name in self.inputs}
        fields = tuple(Field(name, types[name], True, known.get(name)) for name in self.inputs)
        self.outputs = _outputs(estimator, self._methods, self._answers(sample.batch.slice(0, 1), fields))
        signature = Signature(fields, self.outputs)
        self._chain = Chain(signature, [SklearnModel(estimator, self._step, signature, 0)], {})

    def _answers(self, batch: pa.RecordBatch, fields: tuple[Field, ...]) -> Mapping[str, Any]:
        model = SklearnModel(self._estimator, self._step, Signature(fields, ()), 0)
        return model.run({name: batch.column(name) for name in self.inputs}, batch.num_rows)

    def categories(self) -> Mapping[str, tuple[Category, ...]]:
        return inside.categories(self._estimator, self.inputs)

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self._chain.score(batch)

    def borders(self, batch: pa.RecordBatch) -> Sequence[Border]:
        return inside.borders(self._estimator, self._step, self._chain.signature, batch)

    def conversions(self, signature: Signature, closed: tuple[str, ...]) -> Iterator[Conversion]:
        return conversions.candidates(self._estimator, self._step, signature, closed, self._trust)


def read(model: Any, sample: Sample, trust: Sequence[str]) -> SklearnOriginal:
    """Raises ConversionRefused when it is not fitted, gives nothing that is known, or the sample does not feed it."""
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError) as error:
        raise ConversionRefused(f"{type(model).__name__} is not fitted: {error}") from error
    try:
        return SklearnOriginal(model, sample, trust)
    except ConversionRefused:
        raise
    except Exception as error:  # an estimator, or a step of the user's own, raises whatever it likes
        advice = (
            ""
            if hasattr(model, "feature_names_in_")
            else (
                f". It does not say by name which columns it was fitted on: give a sample with exactly those, in their order; this one has "
                f"{', '.join(sample.batch.schema.names)}"
            )
        )
        raise ConversionRefused(f"{type(model).__name__} cannot score the sample's first row: {error}{advice}") from error


def _inputs(estimator: Any, sample: Sample) -> tuple[str, ...]:
    """Columns of the sample by the names that the estimator was fitted with, else all of them in order."""
    there = sample.batch.schema.names
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is not None:
        if absent := [name for name in fitted if name not in there]:
            raise ConversionRefused(
                f"the model reads {', '.join(map(repr, absent))}, which the sample does not have; it has {', '.join(there)}"
            )
        return tuple(str(name) for name in fitted)
    wanted = getattr(estimator, "n_features_in_", None)
    kinds = sample.batch.schema.types
    width = sum(kind.list_size if pa.types.is_fixed_size_list(kind) else 1 for kind in kinds)
    if wanted is not None and width != wanted:
        raise ConversionRefused(
            f"the model was fitted on {wanted} columns without names, the sample has {width}: give exactly those, in their order "
            f"(it has {', '.join(there)})"
        )
    return tuple(there)


def _methods(estimator: Any) -> Mapping[str, str]:
    """The methods whose answers are outputs, and what the outputs are called."""
    if is_classifier(estimator):
        return {"predict": LABEL, "predict_proba": PROBABILITIES} if hasattr(estimator, "predict_proba") else {"predict": LABEL}
    if is_outlier_detector(estimator):
        return {"predict": LABEL, "decision_function": SCORE}
    if is_clusterer(estimator) and hasattr(estimator, "predict"):
        return {"predict": LABEL}
    if is_regressor(estimator) or hasattr(estimator, "predict"):
        return {"predict": PREDICTION}
    raise ConversionRefused(f"{type(estimator).__name__} has no predict: publish the whole pipeline, with its last step")


def _options(estimator: Any, inputs: Sequence[str], sample: Sample) -> dict[str, Any]:
    # A step of the user's own may say neither: it may look columns up by name, and numpy reads a frame as well.
    is_silent = getattr(estimator, "n_features_in_", None) is None
    by_name = is_silent or getattr(estimator, "feature_names_in_", None) is not None
    return {
        "feed": FRAME if by_name else MATRIX,
        "missing": NONE if inside.knows_none(estimator) else NAN,
        "categorical": tuple(name for name in inputs if by_name and name in sample.categories),
    }


def _outputs(estimator: Any, methods: Mapping[str, str], answers: Mapping[str, Any]) -> tuple[Field, ...]:
    fields = []
    for name in methods.values():
        shape = np.asarray(answers[name]).shape
        if name == LABEL:
            if len(shape) != 1:
                raise ConversionRefused(f"{type(estimator).__name__} gives several labels a row: publish one model for each")
            fields.append(Field(LABEL, _label_type(estimator, answers[name])))
        elif name == PROBABILITIES:
            fields.append(Field(name, f"float64[{shape[1]}]", categories=tuple(np.asarray(estimator.classes_).tolist())))
        else:
            fields.append(Field(name, "float64" if len(shape) == 1 or shape[1] == 1 else f"float64[{shape[1]}]"))
    return tuple(fields)


def _label_type(estimator: Any, answer: Any) -> str:
    kind = np.asarray(getattr(estimator, "classes_", answer)).dtype.kind
    names = {"i": "int64", "u": "int64", "b": "bool", "f": "float64", "U": "string", "O": "string"}
    if kind not in names:
        raise ConversionRefused(f"{type(estimator).__name__} gives labels of numpy kind {kind!r}: integers, texts and booleans can be used")
    return names[kind]
