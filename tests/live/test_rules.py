"""Which versions fit a pipeline, and what is said of those that do not."""

from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from instream.features import FeatureStep, from_package
from instream.live import Reason, Rules
from instream.live.refusal import Refused
from instream.package import Manifest, Package
from instream.signature import Field
from instream.testing.models import Extras, linear, linear_package, onnx_package

SOURCE = "def make(batch):\n    return batch\n"


@pytest.fixture
def paired(tmp_path: Path) -> Package:
    return onnx_package(tmp_path, linear({"x": 2.0}), extras=Extras(features=SOURCE, raw=("x",)))


@pytest.fixture
def plain(tmp_path: Path) -> Manifest:
    return linear_package(tmp_path, 2.0).manifest


def refusal(rules: Rules, manifest: Manifest) -> Refused:
    with pytest.raises(Refused) as raised:
        rules.check(manifest)
    return raised.value


def test_a_local_copy_of_the_published_step_will_do(paired: Package) -> None:
    """A pair moves together: the same source and function on both sides."""
    local = from_package(paired)
    assert local is not None
    Rules(local, None, None).check(paired.manifest)


def test_another_feature_step_than_the_published_one_is_refused(paired: Package) -> None:
    refused = refusal(Rules(FeatureStep(lambda batch: batch, name="mine.py:make", digest="0" * 64), None, None), paired.manifest)
    assert refused.reason == Reason.FEATURES
    assert "mine.py:make has another digest (000000000000)" in str(refused)


def test_a_local_step_before_a_model_without_one_will_do(plain: Manifest) -> None:
    Rules(FeatureStep(lambda batch: batch, name="mine.py:make", digest="0" * 64), {"x": pa.float64()}, None).check(plain)


def test_another_type_is_refused(plain: Manifest) -> None:
    refused = refusal(Rules(None, {"x": pa.string()}, None), plain)
    assert refused.reason == Reason.INCOMPATIBLE
    assert "it needs x as float64, and records have it as string" in str(refused)


def test_a_type_that_only_rows_tell_is_accepted(plain: Manifest) -> None:
    Rules(None, {"x": pa.null()}, None).check(plain)


def test_fields_without_a_type_have_the_first_versions(plain: Manifest) -> None:
    """A field that the first version does not read and nobody gave a type is not there for later ones."""
    assert Rules(None, {"x": None, "y": pa.string(), "z": None}, None).after(plain).available == {"x": pa.float64(), "y": pa.string()}


def test_the_first_version_says_what_records_have(plain: Manifest) -> None:
    rules = Rules(None, None, None).after(plain)
    assert rules.available == {"x": pa.float64()}
    assert rules.produces == plain.signature.outputs


def test_classes_in_another_order_are_refused(plain: Manifest) -> None:
    """The same type, and yet every reader would take one class for another."""

    def with_classes(*classes: str) -> Manifest:
        outputs = (Field("probabilities", "float32[2]", categories=classes),)
        return msgspec.structs.replace(plain, signature=msgspec.structs.replace(plain.signature, outputs=outputs))

    rules = Rules(None, None, None).after(with_classes("late", "on time"))
    rules.check(with_classes("late", "on time"))
    assert "stand for ['on time', 'late']" in str(refusal(rules, with_classes("on time", "late")))
