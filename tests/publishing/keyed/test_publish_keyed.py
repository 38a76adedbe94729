"""One light model a key: published whole or not at all, and then every key is answered as its original answers."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import instream
from instream import golden
from instream.errors import ConversionRefused, SettingsInvalid, StoreError
from instream.key import Key, key_of, text_of
from instream.keyed import OwnModel
from instream.keyed.architecture import architecture_from
from instream.keyed.payload import decode
from instream.package import Keyed, Tolerance, Version
from instream.publishing.keyed.common import fitted_to
from instream.stores import Store, open_store
from instream.testing.backends import Crash
from instream.testing.stores.parameter_sets import Cut

NAMES = ["x", "y", "z"]
KEY = ["origin", "dest"]
CITIES = ["berlin", "paris", "rome", "vienna"]
KEYS: list[Any] = [("JFK", "LAX"), ("JFK", "SFO"), ("a|b", None), ("EWR",), ("é", "LAX")]


def rows(seed: int, count: int = 90) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(count, 3)) * [1, 10, 0.1] + [0, 5, 0], columns=NAMES)


def texts(values: list[Any]) -> Any:
    return pd.Series(values, dtype=object)


def fitted(estimator: Any, seed: int, classes: int = 0) -> Any:
    x = rows(seed)
    y: Any = x.to_numpy() @ np.random.default_rng(seed + 1).normal(size=3)
    if classes:
        known = CITIES[seed % 2 :][:classes]
        y = np.array(known)[np.argsort(np.argsort(y)) * len(known) // len(y)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


def linear(count: int = len(KEYS)) -> dict[Any, Any]:
    return {KEYS[seed]: fitted(LinearRegression(), seed) for seed in range(count)}


FAMILIES: dict[str, Callable[[int], Any]] = {
    "linear": lambda seed: fitted(make_pipeline(StandardScaler(), Ridge()) if seed % 2 else LinearRegression(), seed),
    "logistic": lambda seed: fitted(LogisticRegression(), seed, 2 + seed % 2),
    "perceptron": lambda seed: fitted(MLPRegressor(hidden_layer_sizes=(3 + seed, 2), max_iter=3, random_state=0), seed),
    "tree": lambda seed: fitted(DecisionTreeRegressor(max_depth=1 + seed), seed),
    "forest": lambda seed: fitted(RandomForestClassifier(2 + seed, max_depth=3, random_state=0), seed, 1 + seed % 3),
    "histogram": lambda seed: fitted(HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=5), seed),
}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("INSTREAM_CACHE", str(tmp_path / "cache"))
    return f"sqlite:///{tmp_path}/store.db"


@pytest.mark.parametrize("family", FAMILIES)
def test_mixed_keys_are_answered_as_the_originals_answer(url: str, family: str) -> None:
    """Own key, fewer columns, default; with a sample and from an iterator."""
    estimators = {key: FAMILIES[family](seed) for seed, key in enumerate(KEYS)}
    default = FAMILIES[family](7)
    frame = rows(3, 400).assign(origin=texts(["JFK", "EWR", "é", None] * 100), dest=texts(["LAX", "SFO"] * 200))
    told: list[tuple[int, int | None, str]] = []
    published = instream.publish_keyed(
        iter(estimators.items()), name="delay", key=KEY, default=default, sample=frame, store=url, progress=lambda *each: told.append(each)
    )
    assert (published.version, published.keys) == (1, len(KEYS))
    assert {what for _, _, what in told} == {"proved", "fitted", "written"}
    asked = [("JFK", "LAX"), ("JFK", "SFO"), ("a|b", None), ("EWR", "LAX"), ("EWR", None), ("é", "LAX"), ("JFK", None), (None, "LAX")]
    answering = [
        *(estimators[key] for key in asked[:3]),
        estimators[("EWR",)],
        estimators[("EWR",)],
        estimators[asked[5]],
        default,
        default,
    ]
    x = rows(11, len(asked) * 20)
    batch = x.assign(origin=texts([key[0] for key in asked] * 20), dest=texts([key[1] for key in asked] * 20))
    with instream.load("delay@champion", store=url) as scorer:
        answers = scorer.score(batch)
    assert answers["error"].isna().all()
    for at, original in enumerate(answering):
        own = x[at :: len(asked)]
        column = "label" if hasattr(original, "classes_") else "prediction"
        expected, got = original.predict(own), answers[column][at :: len(asked)]
        assert list(got) == list(expected) if column == "label" else np.allclose(got.astype(float), expected, rtol=1e-9)


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


def payload_of(store: Store, version: int, key: Key) -> Any:
    manifest = store.manifest("delay", Version(version))
    assert isinstance(manifest.keyed, Keyed)
    found = store.parameters("delay", Version(version)).read([text_of(key)])[text_of(key)]
    return decode(found.payload or b"", architecture_from(manifest.keyed.architecture), manifest.keyed.features)


def test_the_same_models_are_the_same_version_and_a_retrained_one_is_another(store: Store) -> None:
    """In whatever order they come; what keys got since then stays."""
    models = linear()
    first = instream.publish_keyed(models, name="delay", key=KEY, store=store)
    store.parameters("delay", first.version).write({"s:EWR": None})
    again = instream.publish_keyed(reversed(models.items()), name="delay", key=KEY, store=store)
    assert (again.version, again.digest) == (first.version, first.digest)
    assert store.parameters("delay", first.version).read(["s:EWR"])["s:EWR"].payload is None
    models["EWR",] = fitted(LinearRegression(), 99)
    assert instream.publish_keyed(models, name="delay", key=KEY, store=store).version == 2
    assert len(payload_of(store, 1, ("JFK", "LAX")).golden.inputs) == 4


def test_a_publisher_that_is_killed_anywhere_is_repeated(store: Store) -> None:
    models, nth = linear(), 0
    while True:
        try:
            instream.publish_keyed(models, name="delay", key=KEY, store=Store(Cut(store.backend, nth), store._cache))
            break
        except Crash:
            nth += 1
        for version in store.versions("delay"):
            assert len(store.parameters("delay", version).scan()) == len(models)
    assert nth > 5
    assert store.versions("delay") == (1,)


def test_the_package_proves_itself_and_names_real_keys(store: Store) -> None:
    """Its golden rows are scored by the original of the first key, in the order of keys, whatever came first."""
    models = dict(reversed(linear().items()))
    instream.publish_keyed(models, name="delay", key=KEY, store=store, sample=rows(5, 500).assign(x=1))
    package = store.open("delay", Version(1))
    inputs, outputs = golden.read(package)
    assert {str(field.type) for field in inputs.schema} == {"string", "int64", "double"}
    keys = {
        tuple(each for each in pair if each is not None) for pair in zip(*(inputs.column(name).to_pylist() for name in KEY), strict=True)
    }
    assert keys == {tuple(each for each in key if each is not None) for key in models}
    own = models[min(models, key=text_of)]
    expected = own.predict(inputs.select(NAMES).to_pandas())
    np.testing.assert_allclose(outputs.column("prediction").to_numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(OwnModel(package).score(inputs).column("prediction").to_numpy(), expected, rtol=1e-9)


class Clipped(LinearRegression):  # type: ignore[misc]
    """Looks like a regression until values are large."""

    def predict(self, x: Any) -> Any:
        return np.minimum(super().predict(x), 50)


class Careful(LogisticRegression):  # type: ignore[misc]
    """Its labels are not those of its probabilities."""

    def predict(self, x: Any) -> Any:
        return self.classes_[(self.predict_proba(x)[:, 1] > 0.9).astype(int)]


def lying(kind: Any, classes: int = 0) -> Any:
    return fitted(kind, 1, classes)


def renamed(names: list[str]) -> Any:
    x = rows(1)
    return LinearRegression().fit(x[names], x["x"])


LARGE = rows(1) * 1_000


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ({("JFK", "LAX"): lying(Clipped())}, r'key \("JFK", "LAX"\): x=.*: expected 50, got \d+.*, allowed'),
        ({("JFK", "LAX"): lying(Careful(), 2)}, r'key \("JFK", "LAX"\): x=.*: expected the label \'\w+\', got \'\w+\''),
        ({("JFK", "LAX"): LinearRegression()}, r'key \("JFK", "LAX"\): LinearRegression is not fitted'),
        ({("JFK", "LAX"): None}, r'key \("JFK", "LAX"\): NoneType'),
        ([(("JFK", "LAX"), lying(Ridge()))] * 2, r'key \("JFK", "LAX"\): it came before'),
        ({("JFK", 1): lying(Ridge()), ("JFK", "LAX"): lying(Ridge())}, r'key \("JFK", "LAX"\): dest is str; it is int in'),
        ({("JFK", True): lying(Ridge()), ("JFK", 2): lying(Ridge())}, r'key \("JFK", 2\): dest is int; it is bool in'),
        ({("JFK", 1.5): lying(Ridge())}, r'key \("JFK", 1.5\): dest is float; it can be'),
        ({("JFK", 2**63): lying(Ridge())}, "dest does not fit 64 bits"),
        ({("JFK", "\ud800"): lying(Ridge())}, "UnicodeEncodeError"),
        ({("JFK", "x" * 2_000): lying(Ridge())}, "longer than 1,024 bytes"),
        ({("JFK", None): lying(Ridge())}, "no key has a value of dest"),
        ({(): lying(Ridge())}, "without a column: give such a model as default="),
        ({"JFK": lying(Ridge())}, "a tuple of values for origin, dest"),
        ({("JFK", "LAX", 1): lying(Ridge())}, "it has 3 parts"),
        ({}, "there is no key"),
        ([1], "gave int: a mapping, or pairs"),
        ({("A", "B"): lying(Ridge()), ("A", "C"): lying(LogisticRegression(), 2)}, r'key \("A", "C"\): some keys have a classifier'),
        ({("A", "B"): lying(Ridge()), ("A", "C"): lying(DecisionTreeRegressor())}, r'key \("A", "C"\): the keys have estimators that'),
        (
            {("A", "B"): renamed(["x", "y"]), ("A", "C"): renamed(["y", "x"])},
            r'key \("A", "C"\): it reads y, x; the .* before it read x, y',
        ),
        ({("A", "B"): renamed(["x", "y"]), ("A", "C"): Ridge().fit(np.eye(2), [1, 2])}, r'key \("A", "C"\): it reads 2 features without'),
    ],
)
def test_what_is_refused_names_the_key_and_publishes_nothing(store: Store, models: Any, says: str) -> None:
    sampled = LARGE if "expected 50" in says else None
    with pytest.raises(ConversionRefused, match=says):
        instream.publish_keyed(models, name="delay", key=KEY, store=store, sample=sampled)
    assert store.names() == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": []}, "names of one column or more"),
        ({"key": "origin"}, "names of one column or more"),
        ({"key": ["origin", "origin"]}, "names of one column or more"),
        ({"name": "de lay"}, "letters, digits"),
        ({"tolerance": {"score": Tolerance()}}, "tolerance for score: no such output"),
    ],
)
def test_settings_that_make_no_sense(store: Store, given: Any, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        instream.publish_keyed(linear(), **{"name": "delay", "key": KEY, "store": store} | given)


def test_a_sample_tells_types(store: Store) -> None:
    """Whole numbers and booleans of the key and of features; keys that do not fit it are refused."""
    frame = rows(1).assign(day=np.arange(90, dtype=np.int16) % 7, wet=True, x=1)
    frame["y"] = frame["y"].astype(np.float32)
    models = {(np.int64(day),): fitted(Ridge(), day) for day in range(3)} | {(3, np.True_): fitted(Ridge(), 3)}
    instream.publish_keyed(models, name="delay", key=["day", "wet"], store=store, sample=frame)
    inputs = store.manifest("delay", Version(1)).signature.inputs
    assert [(field.name, field.type, field.nullable) for field in inputs] == [
        ("day", "int64", True),
        ("wet", "bool", True),
        ("x", "int64", False),
        ("y", "float32", False),
        ("z", "float64", False),
    ]
    assert store.parameters("delay", Version(1)).scan() == ["i:0", "i:1", "i:2", "i:3|b:1"]
    for wrong, says in (
        (frame.assign(day="monday"), "day is int; it is str in the sample"),
        (frame.assign(day=0.5), "key column day is double"),
    ):
        with pytest.raises(ConversionRefused, match=says):
            instream.publish_keyed(models, name="delay", key=["day", "wet"], store=store, sample=wrong)
    with pytest.raises(ConversionRefused, match="it reads z, which the sample does not have"):
        instream.publish_keyed(models, name="delay", key=["day", "wet"], store=store, sample=frame.drop(columns="z"))
    with pytest.raises(ConversionRefused, match="feature z is string in the sample"):
        instream.publish_keyed(models, name="delay", key=["day", "wet"], store=store, sample=frame.assign(z="a"))


def test_rows_with_missing_values_are_scored_where_every_key_can(store: Store) -> None:
    x = rows(1)
    holes = x.mask(np.random.default_rng(0).random(x.shape) < 0.2)
    takes, refuses = (DecisionTreeRegressor(max_depth=4).fit(each, x["y"]) for each in (holes, x))
    both = {"a": RandomForestRegressor(3).fit(holes, x["y"]), "b": RandomForestRegressor(2).fit(holes, x["y"])}
    instream.publish_keyed(both, name="delay", key=["route"], store=store, sample=holes)
    assert store.manifest("delay", Version(1)).signature.inputs[1].nullable
    assert takes.predict(holes[:1]).size
    instream.publish_keyed({"a": takes, "b": refuses}, name="delay", key=["route"], store=store)
    assert len(payload_of(store, 2, ("a",)).golden.inputs) == 4


def test_a_store_without_parameters_says_so_before_anything_is_fitted(store: Store) -> None:
    class Bare:
        def __getattr__(self, name: str) -> Any:
            if name == "parameters":
                raise AttributeError
            return getattr(store.backend, name)

    def models() -> Any:
        raise AssertionError("asked for an estimator")
        yield

    with pytest.raises(StoreError, match="keeps no parameters"):
        instream.publish_keyed(models(), name="delay", key=KEY, store=Store(Bare(), store._cache))


def test_one_object_may_be_fitted_again_for_each_key(store: Store) -> None:
    """Each is proved while it is at hand; so the package's golden rows are the first key's, though the object is another's by then."""
    estimator = LinearRegression()

    def models() -> Any:
        for seed in (3, 1, 2):
            yield f"k{seed}", fitted(estimator, seed)

    instream.publish_keyed(models(), name="delay", key=["route"], store=store)
    package = store.open("delay", Version(1))
    inputs, outputs = golden.read(package)
    expected = fitted(LinearRegression(), 1).predict(inputs.select(NAMES).to_pandas())
    np.testing.assert_allclose(outputs.column("prediction").to_numpy(), expected)


parts = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=8))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.tuples(parts, parts) | st.tuples(parts), min_size=1, max_size=12, unique=True), seed=st.integers(0, 99))
def test_any_keys(store: Store, keys: list[Key], seed: int) -> None:
    """No key is taken for another: each has the weights of its own estimator."""
    keys = [*keys, ("told", "so")] if ("told", "so") not in keys else keys
    models = {key: LinearRegression().fit(np.eye(3)[:, :2], [float(at), float(seed), 1.0]) for at, key in enumerate(keys)}
    published = instream.publish_keyed(models, name="delay", key=KEY, store=store)
    assert sorted(map(text_of, keys)) == store.parameters("delay", published.version).scan()
    for text in store.parameters("delay", published.version).scan():
        weights = payload_of(store, published.version, key_of(text)).tensors["coef"]
        np.testing.assert_array_equal(weights[0], models[key_of(text)].coef_)
    assert msgspec.UNSET is not published.manifest.keyed


def test_a_column_of_the_key_may_be_a_feature(url: str) -> None:
    x = rows(1).assign(x=np.arange(90) % 3)
    models = {hour: Ridge().fit(x, x["y"] * (hour + 1)) for hour in range(3)}
    instream.publish_keyed(models, name="delay", key=["x"], sample=x, store=url)
    with instream.load("delay@champion", store=url) as scorer:
        answers = scorer.score(x)["prediction"]
    for hour, model in models.items():
        np.testing.assert_allclose(answers[x["x"] == hour], model.predict(x[x["x"] == hour]))
    with pytest.raises(ConversionRefused, match="x is a feature and a text of the key"):
        instream.publish_keyed({"a": models[0]}, name="delay", key=["x"], store=url)


def test_what_only_the_second_pass_sees_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters that are changed while they are made to fit all keys."""

    def wrong(found: Any, architecture: Any, classes: Any) -> Any:
        tensors = dict(fitted_to(found, architecture, classes))
        return tensors | {"intercept": tensors["intercept"] + (abs(tensors["intercept"]) > 5)}

    models = linear() | {("JFK", "off"): Ridge().fit(rows(1), rows(1)["x"] + 100)}
    monkeypatch.setattr("instream.publishing.keyed.fit.fitted_to", wrong)
    with pytest.raises(ConversionRefused, match=r'^key \("JFK", "off"\): x=.*expected .*, got'):
        instream.publish_keyed(models, name="delay", key=KEY, store=store)
    monkeypatch.undo()
    monkeypatch.setattr(OwnModel, "score", lambda self, batch: pa.record_batch({"prediction": np.zeros(batch.num_rows)}))
    with pytest.raises(ConversionRefused, match="golden rows are not reproduced: row"):
        instream.publish_keyed(models, name="delay", key=KEY, store=store)
    assert store.names() == ()
