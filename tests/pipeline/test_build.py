from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from instream.codecs import Field
from instream.errors import SettingsInvalid
from instream.features import FeatureStep
from instream.pipeline import pipeline_of
from instream.pipeline.build import fields_of
from instream.rows import ArrowRows
from instream.settings import Pipeline as Settings
from instream.testing.linear import LinearPredictor, records_of

REQUIRED = LinearPredictor.requires


def settings_of(fields: dict[str, Any] | None = None, **output: Any) -> Settings:
    source = None if fields is None else {"url": "-", "fields": fields}
    return Settings.model_validate(
        {"name": "p", "model": {"name": "m"}, "source": source, "output": {"stamps": ["version"]} | output, "folder": Path()}
    )


def step_of(names: list[str]) -> FeatureStep:
    return FeatureStep(lambda batch: batch.select(names), name="step.py:make", digest="")


def test_without_fields_the_models_own_are_read_at_the_top() -> None:
    expected = [Field("x", "/x", pa.float64()), Field("n", "/n", pa.int32(), nullable=True)]
    assert fields_of(settings_of(), REQUIRED, None) == expected
    assert fields_of(settings_of({}), REQUIRED, step_of(["x", "n"])) == expected


def test_fields_are_read_where_the_file_says_and_the_rest_under_its_own_name() -> None:
    given = {"n": {"at": "/a/n", "nullable": False}, "more": {"at": "m", "type": "string"}}
    assert fields_of(settings_of(given), REQUIRED, None) == [
        Field("n", "/a/n", pa.int32(), nullable=False),
        Field("more", "m", pa.string()),
        Field("x", "/x", pa.float64()),
    ]


def test_with_a_feature_step_the_named_fields_alone_are_read() -> None:
    assert fields_of(settings_of({"x": "/a/x"}), REQUIRED, step_of(["x"])) == [Field("x", "/a/x", pa.float64())]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"z": "/z"}, "source.fields.z: the model has no input z, so its type must be said here"),
        ({"x": {"at": "/x", "type": "decimal"}}, "source.fields.x: unknown type 'decimal'"),
        ({"x": {"at": "/x", "type": "string"}}, r"needs x as float64, and \[source.fields\] gives string"),
        ({"x": {"at": "/x~"}}, "pointer '/x~'"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        pipeline_of(settings_of(fields), LinearPredictor(), None, "json", "json")


def test_a_feature_step_must_give_what_the_model_needs() -> None:
    with pytest.raises(SettingsInvalid, match=r"the model needs n \(int32\), and step.py:make gives x: add n to \[source.fields\]"):
        pipeline_of(settings_of({"x": "/x", "n": "/n"}), LinearPredictor(), step_of(["x"]), "json", "json")


@pytest.mark.parametrize(
    ("echo", "message"),
    [(["y"], "two fields 'y'"), (["version"], "two fields 'version'"), (["id", "/deep/id"], "two fields 'id'"), ([""], "names no field")],
)
def test_an_echo_that_would_hide_an_output_is_refused(echo: list[str], message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        pipeline_of(settings_of(echo=echo), LinearPredictor(), None, "json", "json")


def test_an_echo_may_be_a_pointer_or_the_name_of_a_field() -> None:
    settings = settings_of({"x": "/a/x", "key": {"at": "/a/id", "type": "int64"}}, echo=["key", "/b/c", "x"])
    records = records_of([b'{"a": {"x": 1.50, "id": 7}, "b": {"c": [1]}, "x": 9, "key": 9}'])
    pipeline = pipeline_of(settings, LinearPredictor(), None, "json", "json")
    assert list(pipeline.process(records).values) == [b'{"key":7,"c":[1],"x":1.50,"y":3.0,"version":3}']
    columns = pipeline_of(
        settings_of({"x": "/a/x", "key": {"at": "/a/id", "type": "int64"}}, echo=["key"]), LinearPredictor(), None, "json", "arrow"
    )
    values = columns.process(records).values
    assert isinstance(values, ArrowRows)
    assert values.batch.to_pylist() == [{"key": 7, "y": 3.0, "version": 3}]


def test_an_echo_from_json_to_columns_needs_a_type() -> None:
    with pytest.raises(SettingsInvalid, match=r'output.echo = "/a/id": Parquet needs its type: .* id = \{ at = "/a/id"'):
        pipeline_of(settings_of(echo=["/a/id"]), LinearPredictor(), None, "json", "arrow")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="no codec for the format 'avro'"):
        pipeline_of(settings_of(), LinearPredictor(), None, "avro", "json")  # type: ignore[arg-type]


def test_stamps_are_written_when_asked_for() -> None:
    records = records_of([b'{"id": 1, "x": 2}'])
    for stamps, value in ((["version"], b'{"y":4.0,"version":3}'), ([], b'{"y":4.0}')):
        pipeline = pipeline_of(settings_of(stamps=stamps), LinearPredictor(), None, "json", "json")
        assert list(pipeline.process(records).values) == [value]
