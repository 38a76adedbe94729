"""What is sent to a cluster."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from instream.errors import SettingsInvalid, SetUpFailed
from instream.hosted.packing import pack
from instream.hosted.versions import refuse_different, versions
from instream.settings import Features, Model, Pipeline, Strategy

EVERYWHERE = "postgresql://host/models"


def settings(folder: Path, **changed: object) -> Pipeline:
    given = {"name": "delays", "model": Model(name="delay", store=EVERYWHERE), "folder": folder, **changed}
    return Pipeline.model_validate(given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    for name in ("steps.py", "lib/more.py", ".venv/lib/hidden.py", "lib/__pycache__/x.py", "data.csv", "ca.pem"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(f"# {name}\n")
    return made


def names(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as packed:
        return set(packed.namelist()) - {"README"}


def test_the_feature_step_and_what_lies_beside_it(folder: Path, tmp_path: Path) -> None:
    assert names(pack(settings(folder), tmp_path)) == set()
    archive = pack(settings(folder, features=Features(function="steps.py:f")), tmp_path)
    assert names(archive) == {"steps.py", "lib/more.py"}
    (folder / "steps.py").write_text("changed\n")
    assert pack(settings(folder, features=Features(function="steps.py:f")), tmp_path) != archive


def test_data_beside_the_feature_step(folder: Path, tmp_path: Path) -> None:
    for name in ("checkpoints/1/state", "models.db-wal", "steps.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    archive = pack(settings(folder, features=Features(function="steps.py:f")), tmp_path, data=True)
    assert names(archive) == {"steps.py", "lib/more.py", "data.csv", "ca.pem"}
    assert names(pack(settings(folder), tmp_path, data=True)) == set()


def test_files_that_the_pipeline_names(folder: Path, tmp_path: Path) -> None:
    remote = Strategy(kind="remote", endpoint=("grpcs://h:1",), ca="ca.pem")
    assert names(pack(settings(folder, strategy=remote), tmp_path)) == {"ca.pem"}
    secret = Model(name="delay", store="postgresql://ann:${file:data.csv}@h/models")
    assert names(pack(settings(folder, model=secret), tmp_path)) == {"data.csv"}
    for name in ("absent.pem", "../outside.pem"):
        (tmp_path / "outside.pem").write_text("")
        with pytest.raises(SettingsInvalid, match=f"{name}: no file in"):
            pack(settings(folder, strategy=remote.model_copy(update={"ca": name})), tmp_path)


@pytest.mark.parametrize("url", ["sqlite:///models.db", "file:///models", "memory://x"])
def test_a_store_that_workers_do_not_see(folder: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsInvalid, match="workers of a cluster do not see it"):
        pack(settings(folder, model=Model(name="delay", store=url)), tmp_path)
    pack(settings(folder, model=Model(name="delay", store=url), strategy=Strategy(kind="remote", endpoint=("grpc://h:1",))), tmp_path)
    pack(settings(folder, model=Model(name="delay", store="sqlite:////srv/models.db")), tmp_path)


def test_a_folder_with_everything_in_it(folder: Path, tmp_path: Path) -> None:
    (folder / "large.py").write_bytes(bytes(17 << 20))
    with pytest.raises(SettingsInvalid, match="a folder of their own"):
        pack(settings(folder, features=Features(function="steps.py:f")), tmp_path)


def test_other_versions_are_told_before_anything_starts() -> None:
    here = versions()
    assert {"python", "pyarrow", "numpy"} <= here.keys()
    refuse_different(here, {"host-1": here})
    without = {name: found for name, found in here.items() if name != "pyarrow"}
    with pytest.raises(SetUpFailed, match=r"host-2: numpy 1\.0 instead of .*; host-3: pyarrow absent instead of"):
        refuse_different(here, {"host-1": here, "host-2": {**here, "numpy": "1.0"}, "host-3": without})
