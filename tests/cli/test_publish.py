import json
import subprocess
import sys
from pathlib import Path

import joblib
import pytest
import skops.io

from instream.package import Version
from instream.stores import open_store
from instream.testing.models import linear
from tests.cli.conftest import Instream


def test_publish_tells_what_was_tried_and_taken(instream: Instream, model: Path) -> None:
    done = instream("publish", model, "--name", "sign", "--sample", "rows.parquet", "--metric", "log_loss=0.41")
    assert done.status == 0, done.err
    assert "onnx float32: taken" in done.out
    assert "sign@1 published" in done.out
    assert open_store("sqlite:///instream.db").manifest("sign", Version(1)).metrics == {"log_loss": 0.41}


def test_a_later_version_waits_for_its_promotion(instream: Instream, model: Path, published: str) -> None:
    done = instream("publish", model, "--name", published, "--sample", "rows.parquet", "--tolerance", "1e-4", "--json")
    assert json.loads(done.out)["version"] == 2
    store = open_store("sqlite:///instream.db")
    assert store.versions(published) == (1, 2)
    assert store.head(published).champion == 1


def test_the_store_is_the_option_else_the_variable(instream: Instream, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTREAM_STORE", "sqlite:///variable.db")
    instream("publish", model, "--name", "sign", "--sample", "rows.parquet")
    instream("publish", model, "--name", "other", "--sample", "rows.parquet", "--store", "sqlite:///option.db")
    assert open_store("sqlite:///variable.db").names() == ("sign",)
    assert open_store("sqlite:///option.db").names() == ("other",)


def test_a_pickle_is_refused_with_both_ways_out(instream: Instream, model: Path) -> None:
    joblib.dump(skops.io.load(model), "model.joblib")
    refused = instream("publish", "model.joblib", "--name", "sign", "--sample", "rows.parquet")
    assert refused.status == 1
    assert "UntrustedModel" in refused.err
    assert "skops.io.dump" in refused.err
    assert "--trust-pickle" in refused.err
    assert instream("publish", "model.joblib", "--name", "sign", "--sample", "rows.parquet", "--trust-pickle").status == 0


def test_an_onnx_file_needs_no_sample_and_others_do(instream: Instream, model: Path) -> None:
    Path("double.onnx").write_bytes(linear({"x": 2.0}).model().SerializeToString())
    assert instream("publish", "double.onnx", "--name", "double").status == 0
    assert open_store("sqlite:///instream.db").manifest("double", Version(1)).signature.requires.names == ["X"]
    refused = instream("publish", model, "--name", "sign")
    assert (refused.status, "say --sample FILE" in refused.err) == (1, True)


def test_mistakes_are_told_without_a_traceback(instream: Instream, model: Path) -> None:
    for arguments in (
        ("publish", "absent.skops", "--name", "sign", "--sample", "rows.parquet"),
        ("publish", model, "--name", "sign", "--sample", "absent.parquet"),
        ("publish", model, "--name", "si gn", "--sample", "rows.parquet"),
        ("publish", model, "--name", "sign", "--sample", "rows.parquet", "--metric", "loss"),
        ("publish", model, "--name", "sign", "--sample", "rows.parquet", "--store", "redis://nowhere"),
    ):
        done = instream(*arguments)
        assert done.status == 1, arguments
        assert "Traceback" not in done.err
        assert done.err.strip()


def test_the_installed_command_runs(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("instream")
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    for name in ("publish", "models", "promote", "rollback", "score", "init", "check", "run", "dead-letters"):
        assert name in done.stdout
