import json
from pathlib import Path

import pytest

from instream.package import Version
from instream.stores import open_store
from tests.cli.conftest import Instream

RETRAIN = """
import numpy as np
from sklearn.linear_model import LinearRegression

X = np.random.default_rng(0).normal(size=(50, 2))

def model(weight):
    return LinearRegression().fit(X, X @ [weight, 1.0])

def models():
    yield ("JFK", "LAX"), model(1.0)
    yield ("JFK",), model(2.0)

def other():
    return model(3.0)

def mixed():
    return {("JFK", "LAX"): model(1.0), ("JFK", 7): model(2.0)}

def fails():
    raise OSError("no database")
"""
KEYED = ("--name", "delay", "--key", "origin", "--key", "dest")


@pytest.fixture
def retrain(instream: Instream, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A module of its own for each test: Python imports a name once."""
    name = f"retrain_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(RETRAIN)
    return name


def test_publish_keyed_tells_what_was_published(instream: Instream, retrain: str) -> None:
    done = instream("publish-keyed", f"{retrain}.py:models", *KEYED, "--default", f"{retrain}:other", "--metric", "mae=3.5")
    assert done.status == 0, done.err
    assert "delay@1: linear models of 2 keys, worst error" in done.out
    store = open_store("sqlite:///instream.db")
    manifest = store.manifest("delay", Version(1))
    assert manifest.keyed
    assert (manifest.keyed.default, manifest.keyed.key, manifest.metrics) == (True, ("origin", "dest"), {"mae": 3.5})
    assert list(store.parameters("delay", Version(1)).scan()) == ["s:JFK", "s:JFK|s:LAX"]
    again = json.loads(instream("publish-keyed", f"{retrain}:models", *KEYED, "--default", f"{retrain}:other", "--json").out)
    assert (again["version"], again["keys"]) == (2, 2)  # without the figure it is another package


def test_a_refusal_names_the_key_and_publishes_nothing(instream: Instream, retrain: str) -> None:
    refused = instream("publish-keyed", f"{retrain}:mixed", *KEYED)
    assert (refused.status, refused.out) == (1, "")
    assert 'ConversionRefused: key ("JFK", 7): dest is int' in refused.err
    assert open_store("sqlite:///instream.db").names() == ()


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        ("fails", KEYED, "raises OSError: no database"),
        ("absent", KEYED, "has no function absent"),
        ("other", KEYED, "gave LinearRegression"),
        ("models", (*KEYED, "--sample", "absent.parquet"), "absent.parquet: no such file"),
        ("models", (*KEYED, "--default", "nowhere:other"), "importing nowhere raises"),
        ("models", ("--name", "delay", "--key", "origin"), 'key ("JFK", "LAX"): it has 2 parts'),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    instream: Instream, retrain: str, function: str, arguments: tuple[str, ...], says: str
) -> None:
    done = instream("publish-keyed", f"{retrain}:{function}", *arguments)
    assert done.status == 1
    assert says in done.err
    assert "Traceback" not in done.err
