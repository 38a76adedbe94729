"""Commands as a user runs them, in a folder of their own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from instream.cli.app import main
from instream.publishing import publish


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


Instream = Callable[..., Ran]


@pytest.fixture
def instream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Instream:
    """Run `instream ARGUMENTS` in a temporary folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INSTREAM_STORE", raising=False)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["instream", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        captured = capfd.readouterr()
        return Ran(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model saved by skops, rows, and a store that has it as sign@1."""
    folder = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(400, 2)), columns=["x", "y"])
    frame.to_parquet(folder / "rows.parquet")
    fitted = LogisticRegression().fit(frame, frame["x"] + frame["y"] > 0)
    skops.io.dump(fitted, folder / "model.skops")
    publish(fitted, name="sign", sample=frame, store=f"sqlite:///{folder}/instream.db")
    return folder


@pytest.fixture
def model(tmp_path: Path, made: Path) -> Path:
    """A model's file, with `rows.parquet` beside it."""
    shutil.copy(made / "rows.parquet", tmp_path)
    return Path(shutil.copy(made / "model.skops", tmp_path))


@pytest.fixture
def published(tmp_path: Path, made: Path, model: Path) -> str:
    """The name of a model with one version in the default store."""
    for path in made.glob("instream.db*"):
        shutil.copy(path, tmp_path)
    return "sign"
