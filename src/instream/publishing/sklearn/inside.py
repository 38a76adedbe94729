"""What a fitted estimator is made of: its parts, the categories it knows, the values at which its trees decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from instream.formats.sklearn import Feed
from instream.package import Step
from instream.publishing.original import Border
from instream.signature import Category, Signature

_THRESHOLDS_MAX = 400  # three to six rows of the proof set each


def parts(estimator: Any) -> Iterator[Any]:
    """The fitted estimator and all inside it, depth first."""
    yield estimator
    if isinstance(estimator, Pipeline):
        children = [step for _, step in estimator.steps]
    elif isinstance(estimator, ColumnTransformer):
        children = [each for _, each, _ in estimator.transformers_]
    elif isinstance(estimator, FeatureUnion):
        children = [each for _, each in estimator.transformer_list]
    else:
        children = [getattr(estimator, name) for name in ("regressor_", "estimator_", "best_estimator_") if hasattr(estimator, name)]
    for child in children:
        if not isinstance(child, str):
            yield from parts(child)


def split(estimator: Any) -> tuple[Pipeline | None, Any]:
    """What comes before the last step, and the last step; None where nothing changes its input."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    before = [step for step in estimator.steps[:-1] if step[1] not in (None, "passthrough")]
    return (Pipeline(before) if before else None), estimator.steps[-1][1]


def has(estimator: Any, kind: type) -> bool:
    return any(isinstance(part, kind) for part in parts(estimator))


def knows_none(estimator: Any) -> bool:
    """Whether None, rather than NaN, is what this model learnt to be missing text."""
    for part in parts(estimator):
        if isinstance(part, SimpleImputer) and part.missing_values is None:
            return True
        if isinstance(part, OneHotEncoder | OrdinalEncoder) and any(value is None for known in part.categories_ for value in known):
            return True
    return False


def categories(estimator: Any, names: Sequence[str]) -> Mapping[str, tuple[Category, ...]]:
    """For each raw column that an encoder reads directly and that refuses unseen values: the values it knows."""
    found: dict[str, tuple[Category, ...]] = {}
    for encoder, columns in _encoders(estimator, tuple(names)):
        if encoder.handle_unknown == "error":
            for name, known in zip(columns, encoder.categories_, strict=True):
                found[name] = tuple(value for value in known.tolist() if not _is_missing(value))
    return found


def _encoders(estimator: Any, columns: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Encoders and the raw columns that reach them unchanged, or through an imputer, which invents no new value."""
    if isinstance(estimator, OneHotEncoder | OrdinalEncoder):
        if len(estimator.categories_) == len(columns):
            yield estimator, columns
    elif isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _encoders(step, columns)
            if not (isinstance(step, SimpleImputer) or step in (None, "passthrough")):
                return
    elif isinstance(estimator, ColumnTransformer):
        for _, part, chosen in estimator.transformers_:
            if not isinstance(part, str):
                yield from _encoders(part, _chosen(chosen, columns))


def _chosen(chosen: Any, columns: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(chosen, slice):
        return columns[chosen] if not isinstance(chosen.start, str) else ()
    each = np.asarray(chosen).reshape(-1)
    if each.dtype.kind == "b":
        return tuple(name for name, is_in in zip(columns, each, strict=True) if is_in)
    return tuple(columns[i] if isinstance(i, (int, np.integer)) else str(i) for i in each.tolist())


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def thresholds(estimator: Any) -> list[tuple[int, float]]:
    """(feature, threshold) pairs of a tree or an ensemble of trees; evenly chosen where there are many."""
    found: list[tuple[int, float]] = []
    for predictors in getattr(estimator, "_predictors", ()):  # histogram gradient boosting
        for tree in predictors:
            inner = tree.nodes[(tree.nodes["is_leaf"] == 0) & (tree.nodes["is_categorical"] == 0)]
            found += zip(inner["feature_idx"].tolist(), inner["num_threshold"].tolist(), strict=True)
    members = estimator.estimators_ if hasattr(estimator, "estimators_") else [estimator]
    for member in np.ravel(np.asarray(members, object)).tolist():
        if hasattr(member, "tree_"):
            inner_nodes = member.tree_.children_left >= 0
            found += zip(member.tree_.feature[inner_nodes].tolist(), member.tree_.threshold[inner_nodes].tolist(), strict=True)
    unique = sorted({pair for pair in found if np.isfinite(pair[1])})
    return unique[:: max(1, -(-len(unique) // _THRESHOLDS_MAX))]


def borders(estimator: Any, step: Step, signature: Signature, batch: pa.RecordBatch) -> Sequence[Border]:
    """Raw values at which the trees decide, where a raw number reaches them unchanged, scaled or shifted."""
    before, last = split(estimator)
    pairs = thresholds(last)
    if not pairs:
        return ()
    some = batch.slice(0, min(batch.num_rows, 500))
    fed = Feed(step.inputs["X"], step.options, signature.inputs)({n: some.column(n) for n in step.inputs["X"]}, some.num_rows)
    reached = before.transform(fed) if before is not None else fed
    matrix = np.asarray(reached.toarray() if hasattr(reached, "toarray") else reached, object)
    found = []
    for name in step.inputs["X"]:
        if not (pa.types.is_floating(some.schema.field(name).type) or pa.types.is_integer(some.schema.field(name).type)):
            continue
        raw = some.column(name).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        values: list[float] = []
        for feature in sorted({feature for feature, _ in pairs}):
            if feature < matrix.shape[1] and (line := _line(raw, matrix[:, feature])) is not None:
                values += [(threshold - line[1]) / line[0] for at, threshold in pairs if at == feature]
        if values:
            found.append(Border(name, np.array(values)))
    return found


def _line(raw: npt.NDArray[np.float64], reached: Any) -> tuple[float, float] | None:
    """Slope and offset where `reached` is a line in `raw`; None where it is not."""
    try:
        given = np.asarray(reached, np.float64)
    except (TypeError, ValueError):
        return None  # a text
    both = np.isfinite(raw) & np.isfinite(given)
    x, z = raw[both], given[both]
    if len(x) < 3 or x.max() == x.min():
        return None
    low, high = int(x.argmin()), int(x.argmax())
    slope = (z[high] - z[low]) / (x[high] - x[low])
    offset = z[low] - slope * x[low]
    scale = np.abs(z).max() + np.abs(offset)
    if slope == 0 or not np.allclose(slope * x + offset, z, rtol=0, atol=1e-6 * scale + 1e-12):
        return None
    return float(slope), float(offset)
