from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from instream import golden
from instream.compare import worst
from instream.errors import ConversionRefused, PackageError, SettingsInvalid, UntrustedModel
from instream.formats import load, proved_with
from instream.package import Manifest, Tolerance, manifest_from
from instream.publishing import publish
from instream.publishing.sklearn import conversions
from tests.publishing.custom import Clip, Sum
from tests.publishing.zoo import Shelf, flights, late, numbers, publish_and_check, target, three


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return numbers(300, 0)


@pytest.fixture(scope="module")
def model(sample: pd.DataFrame) -> LogisticRegression:
    return LogisticRegression().fit(sample, late(sample))


def published(model: Any, sample: Any, shelf: Shelf, **options: Any) -> Manifest:
    return publish(model, name="delay", sample=sample, store=shelf, **options).manifest


def test_what_a_manifest_says(model: LogisticRegression, sample: pd.DataFrame, shelf: Shelf) -> None:
    manifest = published(model, sample, shelf, metrics={"log_loss": 0.4})
    assert manifest_from(manifest.encoded()).digest == manifest.digest
    assert [(field.name, field.type) for field in manifest.signature.outputs] == [("label", "string"), ("probabilities", "float64[2]")]
    assert manifest.signature.outputs[1].categories == ("late", "on time")
    assert [(field.name, field.type, field.nullable) for field in manifest.signature.inputs] == [
        (f"f{i}", "float64", False) for i in range(6)
    ]
    assert manifest.golden.rows <= golden.ROWS_MAX
    assert manifest.metrics == {"log_loss": 0.4}
    assert manifest.provenance["model"] == "LogisticRegression"
    assert {"python", "scikit-learn", "onnxruntime", "skl2onnx"} <= set(manifest.provenance)


def test_a_wrong_conversion_is_rejected_and_recorded(sample: pd.DataFrame, shelf: Shelf) -> None:
    """A scaler before a forest rounds otherwise in float32: rows one ulp from a threshold end in another leaf."""
    manifest = published(make_pipeline(StandardScaler(), RandomForestClassifier(10)).fit(sample, late(sample)), sample, shelf)
    first, second = manifest.candidates
    assert (first.chain, first.passed) == ("onnx float32", False)
    assert first.worst_error is not None
    assert first.worst_error > 0.01
    assert "its inputs: f0=" in first.reason
    assert (second.chain, second.passed) == ("onnx float64", True)


def test_a_converter_that_lies_is_refused(sample: pd.DataFrame, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every converted candidate is wrong, and the native one cannot be saved: nothing is published."""
    right = conversions.to_onnx_quietly

    def wrong(*given: Any) -> Any:
        graph = right(*given)
        for weights in graph.graph.initializer:
            if weights.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
                weights.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weights) + np.float32(0.01), weights.name))
        for attribute in (each for node in graph.graph.node for each in node.attribute if each.floats):
            attribute.floats[0] += 0.01
        return graph

    def unsaved(*_: Any) -> Any:
        raise UntrustedModel("not today")

    monkeypatch.setattr(conversions, "to_onnx_quietly", wrong)
    monkeypatch.setattr(conversions, "_native", unsaved)
    with pytest.raises(ConversionRefused) as refused:
        published(LinearRegression().fit(sample, target(sample)), sample, shelf)
    assert shelf.package is None
    for said in ("onnx float32: row", "onnx float64: row", "expected", "its inputs: f0=", "scikit-learn: not today"):
        assert said in str(refused.value)


def test_a_tolerance_is_never_widened(model: LogisticRegression, sample: pd.DataFrame, shelf: Shelf) -> None:
    """float32 is too coarse for 1e-9, so float64 is taken."""
    strict = Tolerance(1e-9, 1e-9)
    manifest = published(model, sample, shelf, tolerance=strict)
    assert [(each.chain, each.passed) for each in manifest.candidates] == [("onnx float32", False), ("onnx float64", True)]
    assert manifest.golden.tolerance == {"label": strict, "probabilities": strict}


def test_a_custom_transformer_runs_as_it_is(sample: pd.DataFrame, shelf: Shelf, tmp_path: Path) -> None:
    model = make_pipeline(Clip(), LinearRegression()).fit(sample, target(sample))
    with pytest.raises(ConversionRefused, match=r"--trust tests\.publishing\.custom\.Clip"):
        published(model, sample, shelf)
    manifest = publish_and_check(model, sample, numbers(500, 1), tmp_path, trust=("tests.publishing.custom.Clip",))
    assert manifest.candidates[-1].chain == "scikit-learn"
    assert manifest.steps[0].options["trusted"] == ("tests.publishing.custom.Clip",)


def test_a_custom_transformer_that_reads_columns_by_name(sample: pd.DataFrame, shelf: Shelf, tmp_path: Path) -> None:
    model = make_pipeline(Sum(), LinearRegression()).fit(sample, target(sample))
    manifest = published(model, sample, shelf, trust=("tests.publishing.custom.Sum",))
    assert manifest.steps[0].options["feed"] == "frame"
    assert shelf.package is not None
    got = load(shelf.package).score(pa.RecordBatch.from_pandas(sample))
    np.testing.assert_allclose(got["prediction"].to_numpy(), model.predict(sample))


def test_a_silent_pipeline_and_a_column_too_many(sample: pd.DataFrame, shelf: Shelf) -> None:
    model = make_pipeline(Clip(), LinearRegression()).fit(sample, target(sample))
    with pytest.raises(ConversionRefused, match="exactly those, in their order; this one has f0, f1, f2, f3, f4, f5, truth"):
        published(model, sample.assign(truth=1.0), shelf, trust=("tests.publishing.custom.Clip",))


def test_skops_files(model: LogisticRegression, sample: pd.DataFrame, shelf: Shelf, tmp_path: Path) -> None:
    skops.io.dump(model, tmp_path / "model.skops")
    assert published(tmp_path / "model.skops", sample, shelf).candidates[-1].chain == "onnx float32"


def test_skops_files_with_unknown_types(sample: pd.DataFrame, shelf: Shelf, tmp_path: Path) -> None:
    skops.io.dump(make_pipeline(Clip(), LinearRegression()).fit(sample, target(sample)), tmp_path / "model.skops")
    with pytest.raises(UntrustedModel) as refused:
        published(tmp_path / "model.skops", sample, shelf)
    assert "--trust tests.publishing.custom.Clip" in str(refused.value)
    assert "trust=('tests.publishing.custom.Clip',)" in str(refused.value)
    published(tmp_path / "model.skops", sample, shelf, trust=("tests.publishing.custom.Clip",))


@pytest.mark.parametrize("ending", ["joblib", "pkl"])
def test_pickles_only_with_trust(ending: str, model: LogisticRegression, sample: pd.DataFrame, shelf: Shelf, tmp_path: Path) -> None:
    """Law 12: the refusal names both ways out."""
    path = tmp_path / f"model.{ending}"
    joblib.dump(model, path)
    with pytest.raises(UntrustedModel) as refused:
        published(path, sample, shelf)
    for way in ("skops.io.dump", "--trust-pickle", 'trust=("pickle",)'):
        assert way in str(refused.value)
    assert published(path, sample, shelf, trust=("pickle",)).candidates[-1].passed


def test_a_pickle_is_not_even_opened(sample: pd.DataFrame, shelf: Shelf, tmp_path: Path) -> None:
    """Law 12: refused by its name; what it would do does not happen."""
    path = tmp_path / "model.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    with pytest.raises(UntrustedModel):
        published(path, sample, shelf)
    assert not (tmp_path / "owned").exists()


def samples(frame: pd.DataFrame, folder: Path) -> dict[str, Any]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pa.parquet.write_table(table, folder / "rows.parquet")
    frame.to_csv(folder / "rows.csv", index=False)
    frame.to_json(folder / "rows.jsonl", orient="records", lines=True, double_precision=15)
    paths = {ending: folder / f"rows.{ending}" for ending in ("parquet", "csv", "jsonl")}
    return {
        "frame": frame,
        "dicts": table.to_pylist(),
        "table": table,
        "batch": table.to_batches()[0],
        "text": str(paths["parquet"]),
    } | paths


@pytest.mark.parametrize("form", ["frame", "dicts", "table", "batch", "text", "parquet", "csv", "jsonl"])
def test_samples(form: str, shelf: Shelf, tmp_path: Path) -> None:
    """Columns that the model does not read, such as the truth, may be there."""
    frame = flights(200, 0)
    before = ColumnTransformer([("n", StandardScaler(), ["delay", "hour"]), ("t", OneHotEncoder(), ["carrier"])])
    model = make_pipeline(before, LinearRegression()).fit(frame[["delay", "hour", "carrier"]], target(frame))
    manifest = published(model, samples(frame, tmp_path)[form], shelf)
    inputs = [(field.name, field.type) for field in manifest.signature.inputs]
    assert inputs == [("delay", "float64"), ("hour", "int64"), ("carrier", "string")]
    assert manifest.signature.inputs[2].categories == ("AA", "B6", "DL", "UA", "WN")


def test_a_matrix_as_sample(sample: pd.DataFrame, shelf: Shelf) -> None:
    model = LinearRegression().fit(sample.to_numpy(), target(sample))
    assert [field.name for field in published(model, sample.to_numpy(), shelf).signature.inputs] == [f"x{i}" for i in range(6)]


def test_a_list_as_input(sample: pd.DataFrame, shelf: Shelf) -> None:
    """Six numbers in one column, as an embedding comes."""
    model = LinearRegression().fit(sample.to_numpy(), target(sample))
    lists = pa.FixedSizeListArray.from_arrays(pa.array(sample.to_numpy().ravel()), 6)
    manifest = published(model, pa.RecordBatch.from_arrays([lists], ["embedding"]), shelf)
    assert [(field.name, field.type) for field in manifest.signature.inputs] == [("embedding", "float64[6]")]
    assert shelf.package is not None
    got = load(shelf.package).score(pa.RecordBatch.from_arrays([lists[3:9]], ["embedding"]))
    np.testing.assert_allclose(got["prediction"].to_numpy(), model.predict(sample.to_numpy())[3:9], atol=1e-5)


def test_a_strict_encoder_stays_strict(shelf: Shelf) -> None:
    """The original refuses a carrier that it does not know; the graph alone would answer."""
    frame = flights(200, 0)[["carrier", "delay"]]
    before = ColumnTransformer([("t", OneHotEncoder(), ["carrier"])], remainder="passthrough")
    model = make_pipeline(before, LinearRegression()).fit(frame, target(frame))
    assert published(model, frame[frame.carrier != "WN"], shelf).signature.inputs[0].categories == ("AA", "B6", "DL", "UA", "WN")
    assert shelf.package is not None
    loaded = load(shelf.package)
    rows = [{"carrier": "WN", "delay": 1.0}, {"carrier": "ZZ", "delay": 1.0}]
    batch = pa.RecordBatch.from_pylist(rows, loaded.signature.requires)
    np.testing.assert_allclose(loaded.score(batch.slice(0, 1))["prediction"].to_numpy(), model.predict(pd.DataFrame(rows[:1])), atol=1e-4)
    with pytest.raises(ValueError, match="row 1, carrier: 'ZZ'"):
        loaded.score(batch)


def test_classes_of_every_type(sample: pd.DataFrame, shelf: Shelf) -> None:
    for labels, kind in ((three(sample), "int64"), (target(sample) > 0, "bool"), (late(sample), "string")):
        model = LogisticRegression().fit(sample, labels)
        assert published(model, sample, shelf).signature.outputs[0].type == kind
        assert shelf.package is not None
        got = load(shelf.package).score(pa.RecordBatch.from_pandas(sample))
        assert got["label"].to_pylist() == model.predict(sample).tolist()


def test_golden_rows_from_raw_fields(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature step travels along: the golden inputs are raw fields."""
    (tmp_path / "features.py").write_text(
        "import pyarrow as pa, pyarrow.compute as pc\n"
        "def make(batch):\n"
        "    kept = pc.not_equal(batch['origin'], 'LGA')\n"
        "    hours = pc.divide(batch['delay'], 60.0)\n"
        "    rows = pa.array(range(batch.num_rows), pa.int32())\n"
        "    made = pa.RecordBatch.from_arrays([hours, batch['distance'], rows], ['hours', 'distance', '__row'])\n"
        "    return made.filter(kept)\n"
    )
    monkeypatch.chdir(tmp_path)
    raw = flights(300, 0)
    frame = pd.DataFrame({"hours": raw.delay / 60, "distance": raw.distance})
    model = LinearRegression().fit(frame, target(raw))
    manifest = published(model, raw, shelf, features="features.py:make")
    assert manifest.features is not None
    assert (manifest.features.file, manifest.features.function) == ("features.py", "make")
    assert [field.name for field in manifest.requires] == ["delay", "distance", "origin"]
    assert [field.name for field in manifest.signature.inputs] == ["hours", "distance"]
    assert shelf.package is not None
    inputs, outputs = golden.read(shelf.package)
    assert inputs.schema.names == ["delay", "distance", "origin"]
    assert "LGA" not in inputs["origin"].to_pylist()
    given = pd.DataFrame({"hours": inputs["delay"].to_numpy() / 60, "distance": inputs["distance"].to_numpy()})
    got = load(shelf.package).score(pa.RecordBatch.from_pandas(given))
    assert worst(outputs, got, manifest.golden.tolerance) is None


def test_an_older_runtime_is_named(model: LogisticRegression, sample: pd.DataFrame, shelf: Shelf) -> None:
    manifest = published(model, sample, shelf)
    assert proved_with(manifest) == ""
    text = manifest.encoded().replace(f'"onnxruntime":"{manifest.provenance["onnxruntime"]}"'.encode(), b'"onnxruntime":"0.1.0"')
    assert "proved with onnxruntime 0.1.0, here" in proved_with(manifest_from(text))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": LinearRegression()}, "is not fitted"),
        ({"model": "model.h5"}, "ending in .skops"),
        ({"model": "nowhere.onnx"}, "no such file"),
        ({"model": object()}, "is no model of"),
        ({"sample": pd.DataFrame({"f0": [1.0]})}, "the model reads 'f1'"),
        ({"sample": pd.DataFrame()}, "the sample has 0 rows"),
        ({"sample": "nowhere.parquet"}, "no such file"),
        ({"sample": 3}, "expected a DataFrame"),
    ],
)
def test_mistakes_are_explained(given: Any, said: str, model: Any, sample: Any, shelf: Shelf) -> None:
    with pytest.raises(PackageError, match=said):
        published(**{"model": model, "sample": sample, "shelf": shelf} | given)


def test_dates_are_refused_with_advice(sample: pd.DataFrame, shelf: Shelf) -> None:
    model = LinearRegression().fit(sample, target(sample))
    dated = sample.assign(f1=pd.Timestamp("2013-01-01"))
    with pytest.raises(ConversionRefused, match="f1"):
        published(model, dated, shelf)


def test_names_are_checked(model: LogisticRegression, sample: pd.DataFrame, shelf: Shelf) -> None:
    with pytest.raises(SettingsInvalid, match="name = 'a b'"):
        publish(model, name="a b", sample=sample, store=shelf)
    with pytest.raises(SettingsInvalid, match="no such output"):
        published(model, sample, shelf, tolerance={"speed": Tolerance()})


def test_the_same_model_twice_is_one_version(model: LogisticRegression, sample: pd.DataFrame, tmp_path: Path) -> None:
    """What was measured while publishing is told, and is not part of the package."""
    url = f"sqlite:///{tmp_path}/models.db"
    first, again = (publish(model, name="twice", sample=sample, store=url) for _ in range(2))
    assert (first.version, first.digest) == (again.version, again.digest)
    assert first.us_per_row > 0
