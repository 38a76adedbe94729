"""New parameters for a package that is published: they score as their estimators do, and wrong ones are refused by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import instream
from instream.errors import ConversionRefused, InvalidRows, PackageError, ParametersRefused
from instream.keyed.columns import outputs_of
from instream.keyed.linear import Linear
from instream.keyed.model import KeyedModel
from instream.keyed.payload import decode
from instream.package import Keyed, Tolerance, Version
from instream.publishing.keyed.update import put_parameters
from instream.signature import Field, Signature
from instream.stores import Store, open_store
from instream.testing.keyed import line, line_package, published

CLASSES = ("early", "late", "on time")
THREE = Linear(2, 3, "softmax")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path}/a.db")


@pytest.fixture
def lines(store: Store, tmp_path: Path) -> Version:
    return published(store, line_package(tmp_path, key={"origin": "string", "gate": "int64"}), {"s:JFK|i:1": 1.0})


def classifier(store: Store, folder: Path) -> Version:
    """The package of a model with three classes, whose own parameters nobody asks for here."""
    made = line_package(folder, key={"origin": "string"}, name="when")
    keyed = made.manifest.keyed
    assert isinstance(keyed, Keyed)
    manifest = msgspec.structs.replace(
        made.manifest,
        signature=Signature((Field("origin", "string", True), Field("a", "float64"), Field("b", "float64")), outputs_of(3, CLASSES)),
        keyed=msgspec.structs.replace(keyed, features=("a", "b"), architecture=msgspec.to_builtins(THREE)),
        golden=msgspec.structs.replace(made.manifest.golden, tolerance={"probabilities": Tolerance(1e-9, 1e-9)}),
    )
    return store.put(msgspec.structs.replace(made, manifest=manifest))


def fitted(k: float) -> Any:
    x = np.arange(5.0)[:, None]
    return LinearRegression().fit(x, k * x[:, 0] + 3)


def test_probabilities_are_in_the_order_of_the_package(store: Store, tmp_path: Path) -> None:
    """Law 2: each key answers as its estimator; a class that it never saw has probability 0."""
    version = classifier(store, tmp_path)
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 2)) * [1, 50] + [0, 1_000], columns=["a", "b"])
    three = np.array(["on time", "early", "late"])[(frame["a"] > 0.5) + 0 + (frame["a"] > -0.5)]
    two = np.where(frame["b"] > 1_000, "on time", "early")
    models = {
        "JFK": make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, three),
        "LAX": make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, two),
    }
    revisions = instream.put_parameters(store, "when", models.items(), sample=frame)
    assert set(revisions) == {("JFK",), ("LAX",)}
    package = store.open("when", version)
    served = KeyedModel(package, store.parameters("when", version), label="when@1")
    served.start()
    rows = frame.head(20)
    for key, wanted in models.items():
        batch = pa.record_batch({"origin": [key] * 20, "a": rows["a"], "b": rows["b"]})
        answers = served.answer(batch).outputs
        probabilities = np.array(answers.column("probabilities").to_pylist())
        known = [CLASSES.index(each) for each in wanted.classes_]
        np.testing.assert_allclose(probabilities[:, known], wanted.predict_proba(rows), atol=1e-12)
        assert (np.delete(probabilities, known, axis=1) == 0).all()
        assert answers.column("label").to_pylist() == wanted.predict(rows).tolist()
    served.close()


def test_golden_rows_are_those_of_the_key(store: Store, lines: Version) -> None:
    sample = pd.DataFrame({"origin": ["JFK", "LAX", "JFK"], "gate": [1, 1, 1], "x": [100.0, 200.0, 300.0]})
    given = [(("JFK", 1), fitted(2)), (("LAX", 2), fitted(2))]
    put_parameters(store, "delay", given, sample=sample)
    payloads = store.parameters("delay", lines).read(["s:JFK|i:1", "s:LAX|i:2"])
    own, made = (decode(payloads[text].payload or b"", Linear(1, 1, "identity"), ("x",)).golden for text in ("s:JFK|i:1", "s:LAX|i:2"))
    assert own.inputs.tolist() == [[100], [300]]
    assert own.scores[:, 0].tolist() == pytest.approx([203, 603])
    assert made.inputs.shape == (4, 1)


def test_keys_of_every_kind(store: Store, lines: Version) -> None:
    """Estimators, bytes and removals, by full and shorter keys; in batches, with what is done told."""
    told: list[int] = []
    items: list[Any] = [(("K", np.int64(number)), line(float(number))) for number in range(1_100)]
    items += [(("JFK", 1), None), ("EWR", fitted(4)), (("A", None), fitted(5))]
    revisions = put_parameters(store, "delay", items, version=lines, progress=told.append)
    assert (len(revisions), told) == (1_103, [500, 1_000, 1_103])
    found = store.parameters("delay", lines).read(["s:K|i:7", "s:JFK|i:1", "s:EWR", "s:A|n:"])
    assert (found["s:K|i:7"].payload, found["s:JFK|i:1"].payload) == (line(7.0), None)
    assert found["s:EWR"].revision == revisions["EWR",]
    assert found["s:A|n:"].payload


@pytest.mark.parametrize(
    ("key", "value", "error", "said"),
    [
        (("JFK", 1), line(2.0, scores=7.0), ParametersRefused, r"key s:JFK\|i:1: its golden rows are not reproduced"),
        (("JFK", 1), b"", ParametersRefused, r"key s:JFK\|i:1: the bytes"),
        (("JFK", 1), line(2.0)[:-1], ParametersRefused, r"key s:JFK\|i:1"),
        (("JFK", 1), LinearRegression(), ConversionRefused, r"key s:JFK\|i:1: LinearRegression is not fitted"),
        (("JFK", 1), LinearRegression().fit(np.eye(3), [1, 2, 3]), ConversionRefused, r"key s:JFK\|i:1"),
        (("JFK", 1), RandomForestClassifier(2).fit([[1], [2]], [0, 1]), ConversionRefused, r"key s:JFK\|i:1"),
        (("JFK", 1), LinearRegression().fit(pd.DataFrame({"z": [1, 2]}), [1, 2]), ConversionRefused, r"fitted on z; the model reads x"),
        (("JFK", 1), "model.skops", ConversionRefused, r"key s:JFK\|i:1: str"),
        (("JFK", "1"), line(2.0), InvalidRows, r"origin \(string\), gate \(int64\)"),
        ((1,), line(2.0), InvalidRows, "no key of delay"),
        ((), line(2.0), InvalidRows, "no key of delay"),
        (("JFK", 1, 2), line(2.0), InvalidRows, "no key of delay"),
        (("JFK", 1.5), line(2.0), InvalidRows, "1.5"),
    ],
)
def test_what_is_refused(store: Store, lines: Version, key: Any, value: Any, error: type[Exception], said: str) -> None:
    """Law 12: nothing of its batch is written."""
    with pytest.raises(error, match=said):
        put_parameters(store, "delay", [(("LAX", 1), line(5.0)), (key, value)])
    found = store.parameters("delay", lines).read(["s:JFK|i:1", "s:LAX|i:1"])
    assert {text: each.payload for text, each in found.items()} == {"s:JFK|i:1": line(1.0)}


@pytest.mark.parametrize("sample", [pd.DataFrame({"y": [1.0]}), pd.DataFrame({"x": ["one"]})])
def test_a_sample_that_does_not_fit(store: Store, lines: Version, sample: pd.DataFrame) -> None:
    with pytest.raises(PackageError, match="sample"):
        put_parameters(store, "delay", [], sample=sample)
