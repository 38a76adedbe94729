"""Where feature functions come from, and what is said when they cannot be loaded."""

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from instream.errors import SettingsInvalid
from instream.features import from_reference

SOURCE = """
import pyarrow as pa
import pyarrow.compute as pc

def make(batch):
    return pa.RecordBatch.from_pydict({"y": pc.multiply(batch.column("x"), 2.0)})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "doubled.py").write_text(SOURCE)
    return tmp_path


@pytest.mark.parametrize("reference", ["doubled.py:make", "doubled:make"], ids=["file", "module"])
def test_a_function_is_found_from_the_pipeline_files_folder(folder: Path, reference: str) -> None:
    step = from_reference(reference, folder)
    sys.modules.pop("doubled", None)
    assert step.apply(pa.RecordBatch.from_pydict({"x": [1.5]})).batch.to_pydict() == {"y": [3.0]}


def test_the_digest_covers_source_and_function(folder: Path) -> None:
    before = from_reference("doubled.py:make", folder).digest
    assert from_reference("doubled.py:make", folder).digest == before
    (folder / "doubled.py").write_text(SOURCE.replace("2.0", "3.0") + "\nother = make\n")
    changed = from_reference("doubled.py:make", folder).digest
    assert len({before, changed, from_reference("doubled.py:other", folder).digest}) == 3


def test_a_file_may_import_what_lies_beside_it(folder: Path) -> None:
    (folder / "beside_it.py").write_text("FACTOR = 4.0\n")
    (folder / "uses.py").write_text(SOURCE.replace("import pyarrow as pa", "import pyarrow as pa\nimport beside_it"))
    from_reference("uses.py:make", folder)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("doubled.py", "expected file.py:function or module:function"),
        ("absent.py:make", "absent.py cannot be read: No such file"),
        ("absent_module:make", "importing absent_module raises ModuleNotFoundError"),
        ("doubled.py:mak", "has no function mak"),
        ("broken.py:make", "raises SyntaxError"),
    ],
)
def test_what_cannot_be_loaded_is_said(folder: Path, reference: str, said: str) -> None:
    (folder / "broken.py").write_text("def make(:\n")
    with pytest.raises(SettingsInvalid, match=said):
        from_reference(reference, folder)
