import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest
import skops.io

import instream as public
from instream.errors import InvalidRows
from tests.cli.conftest import Instream


def test_every_ending_gives_the_same_answers(instream: Instream, published: str) -> None:
    rows = pd.read_parquet("rows.parquet")
    rows.to_csv("rows.csv", index=False)
    rows.to_json("rows.jsonl", orient="records", lines=True, double_precision=15)
    answers = [instream("score", f"{published}@champion", f"rows.{ending}").out for ending in ("parquet", "csv", "jsonl")]
    first = [json.loads(line) for line in answers[0].splitlines()]
    assert len(first) == len(rows)
    assert {one["version"] for one in first} == {1}
    for other in answers[1:]:
        assert [json.loads(line)["label"] for line in other.splitlines()] == [one["label"] for one in first]


def test_answers_equal_the_original(instream: Instream, model: Path, published: str) -> None:
    rows = pd.read_parquet("rows.parquet")
    assert instream("score", f"{published}@1", "rows.parquet", "--out", "answers.parquet", "--echo", "x").status == 0
    answers = pyarrow.parquet.read_table("answers.parquet").to_pandas()
    assert answers["x"].tolist() == rows["x"].tolist()
    wanted = skops.io.load(model).predict_proba(rows)
    assert answers["probabilities"].map(lambda row: row[1]).tolist() == pytest.approx(wanted[:, 1].tolist(), abs=2e-5)


def test_a_row_that_cannot_be_scored_costs_that_row(instream: Instream, published: str, tmp_path: Path) -> None:
    (tmp_path / "some.jsonl").write_text('{"x": 1, "y": 2}\n{"x": 1}\n{"x": 3, "y": 4}\n')
    done = instream("score", published, "some.jsonl")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [one["label"] is None for one in answers] == [False, True, False]
    assert "null: y" in answers[1]["error"]
    assert "2 rows scored by sign@1; 1 not, the first in row 1" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "sign@7", "rows.parquet"),
        ("score", "other", "rows.parquet"),
        ("score", "sign", "absent.parquet"),
        ("score", "sign", "rows.parquet", "--out", "answers.xml"),
        ("score", "sign", "rows.parquet", "--out", "absent/answers.parquet"),
        ("score", "sign", "rows.parquet", "--out", "/dev/full/answers.jsonl"),
        ("score", "sign", "rows.parquet", "--echo", "z"),
    ],
)
def test_mistakes_are_told_without_a_traceback(instream: Instream, published: str, arguments: tuple[str, ...]) -> None:
    done = instream(*arguments)
    assert done.status == 1
    assert done.err.strip()
    assert "Traceback" not in done.err


def test_in_python(instream: Instream, published: str) -> None:
    rows = pd.read_parquet("rows.parquet")
    with public.load("sign@champion") as scorer:
        frame = scorer.score(rows)
        dicts = scorer.score(rows.to_dict("records"))
        assert scorer.score(rows.head(0)).columns.tolist() == frame.columns.tolist()
        with pytest.raises(InvalidRows, match="y"):
            scorer.score(rows[["x"]])
    assert frame["label"].tolist() == [one["label"] for one in dicts]
    assert frame.index.equals(rows.index)


@pytest.mark.slow
def test_a_stream_gives_the_same_answers(instream: Instream, published: str, tmp_path: Path) -> None:
    """Law 2: engine and strategy do not change a value."""
    rows = pd.read_parquet("rows.parquet")
    rows.to_json("rows.jsonl", orient="records", lines=True, double_precision=15)
    assert instream("init", "--model", published, "--source", "rows.jsonl", "--sink", "streamed.jsonl").status == 0
    command = Path(sys.executable).with_name("instream")
    subprocess.run([command, "run", "sign.toml"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    streamed = [json.loads(line) for line in (tmp_path / "streamed.jsonl").read_text().splitlines()]
    with public.load(published) as scorer:
        at_hand = scorer.score(pd.read_json("rows.jsonl", lines=True, precise_float=True).to_dict("records"))
    assert [{name: one[name] for name in one if name != "error"} for one in at_hand] == streamed
