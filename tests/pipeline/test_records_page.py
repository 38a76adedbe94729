"""docs/records.md, run: each example alone, and all of them in one batch."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from instream.pipeline import Pipeline, letters, pipeline_of
from instream.pipeline.letter import HEADERS
from instream.settings import Pipeline as Settings
from instream.testing.linear import LinearPredictor, records_of

PAGE = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
LONG = "…and so on…"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def table(heading: str) -> list[tuple[str, ...]]:
    """Rows of the first table below a heading, cells without their backticks."""
    lines = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")][2:]
    return [tuple(cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))) for row in rows]


def record(cell: str) -> bytes | None:
    """A record as the page writes it: JSON, or a literal of Python."""
    if cell == "None" or cell.startswith("b'"):
        literal = ast.literal_eval(cell)
        assert literal is None or isinstance(literal, bytes)
        return literal
    return cell.replace(LONG, "z" * (260 - len(cell.replace(LONG, "")))).encode()


SCORED = [(record(cell), output.encode()) for cell, output, _ in table("JSON that is scored")]
DEAD = [(record(cell), code, error) for cell, code, error in table("JSON that becomes a dead letter")]


@pytest.fixture
def pipeline() -> Pipeline:
    settings = Settings.model_validate(tomllib.loads(block("toml")))
    return pipeline_of(settings, LinearPredictor(), None, "json", "json")


@pytest.mark.parametrize(("value", "output"), SCORED)
def test_it_is_scored(pipeline: Pipeline, value: bytes, output: bytes) -> None:
    outcome = pipeline.process(records_of([value]))
    assert (list(outcome.failures.messages), list(outcome.values)) == ([], [output])


@pytest.mark.parametrize(("value", "code", "error"), DEAD)
def test_it_becomes_a_dead_letter(pipeline: Pipeline, value: bytes, code: str, error: str) -> None:
    outcome = pipeline.process(records_of([value]))
    assert (list(outcome.values), list(outcome.failures.codes)) == ([None], [code])
    told, known = outcome.failures.messages[0], error.removesuffix("…")
    assert told.startswith(known) if error != known else told == error


def test_all_in_one_batch(pipeline: Pipeline) -> None:
    mixed = [*DEAD[::2], *DEAD[1::2]]
    values = [value for pair in zip([value for value, *_ in mixed], (SCORED * 9), strict=False) for value in (pair[0], pair[1][0])]
    outcome = pipeline.process(records_of(values))
    assert list(outcome.failures.codes) == [code for _, code, _ in mixed]
    assert list(outcome.values) == [each for _, output in (SCORED * 9)[: len(mixed)] for each in (None, output)]


def test_the_envelope_is_the_one_shown(pipeline: Pipeline) -> None:
    value = next(value for value, code, _ in DEAD if code == "wrong_type")
    records = records_of([value], first=88_121)
    _, outcome = letters(records, pipeline.process(records), pipeline="example", form="envelope")
    assert list(outcome.values) == [block("json").strip().encode()]


def test_the_page_lists_every_header() -> None:
    assert [name for name, _ in table("Dead letters")] == list(HEADERS)
