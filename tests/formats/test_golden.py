from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from instream import golden
from instream.errors import PackageCorrupt
from instream.package import File, Manifest, Package, Tolerance, sha256_of
from instream.signature import Signature, fields_of

INPUTS = pa.RecordBatch.from_pydict({"x": [1.0, None, 3.0], "c": ["a", None, "b"]})
OUTPUTS = pa.RecordBatch.from_pydict({"p": pa.array([[0.1, 0.9]] * 3, pa.list_(pa.float64(), 2))})


@pytest.fixture
def package(tmp_path: Path) -> Package:
    kept = golden.write(tmp_path, INPUTS, OUTPUTS, {"p": Tolerance()})
    files = tuple(File(name, (tmp_path / name).stat().st_size, sha256_of(tmp_path / name)) for name in (kept.inputs, kept.outputs))
    signature = Signature(fields_of(INPUTS.schema), fields_of(OUTPUTS.schema))
    return Package(Manifest(name="m", signature=signature, steps=(), files=files, golden=kept), tmp_path)


def test_what_is_written_is_read(package: Package) -> None:
    inputs, outputs = golden.read(package)
    assert inputs.equals(INPUTS)
    assert outputs.equals(OUTPUTS)


def test_fewer_rows_than_the_manifest_says(package: Package) -> None:
    golden.write(package.folder, INPUTS.slice(0, 2), OUTPUTS.slice(0, 2), {})
    with pytest.raises(PackageCorrupt, match="2 golden inputs and 2 outputs, the manifest says 3"):
        golden.read(package)


@pytest.mark.parametrize("content", [b"", b"ARROW1 and then something else"])
def test_no_arrow_file(package: Package, content: bytes) -> None:
    (package.folder / golden.INPUTS).write_bytes(content)
    with pytest.raises(PackageCorrupt, match="publish again"):
        golden.read(package)
