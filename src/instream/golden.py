"""Golden rows: at most 256 inputs with the outputs that the original gave, kept as two Arrow files of the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from instream.errors import PackageCorrupt
from instream.package import Golden, Package, Tolerance

INPUTS = "golden-inputs.arrow"
OUTPUTS = "golden-outputs.arrow"
ROWS_MAX = 256


def write(folder: Path, inputs: pa.RecordBatch, outputs: pa.RecordBatch, tolerance: Mapping[str, Tolerance]) -> Golden:
    """Write golden rows into the folder of a package that is being made.

    Args:
        inputs: what the model reads, or the raw fields where a feature step travels along.
        outputs: what the original gave; as many rows, at most `ROWS_MAX`.
        tolerance: one for each output.
    """
    assert inputs.num_rows == outputs.num_rows <= ROWS_MAX, (inputs.num_rows, outputs.num_rows)
    for name, batch in ((INPUTS, inputs), (OUTPUTS, outputs)):
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
    return Golden(INPUTS, OUTPUTS, inputs.num_rows, dict(tolerance))


def read(package: Package) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Inputs (raw fields where the package has a feature step) and the original's outputs, aligned.

    Raises:
        PackageCorrupt: the files cannot be read, or are not what the manifest says.
    """
    golden = package.manifest.golden
    inputs, outputs = _read(package, golden.inputs), _read(package, golden.outputs)
    if not inputs.num_rows == outputs.num_rows == golden.rows <= ROWS_MAX:
        raise PackageCorrupt(
            f"{package.manifest.name}: {inputs.num_rows} golden inputs and {outputs.num_rows} outputs, the manifest says "
            f"{golden.rows} (at most {ROWS_MAX}); publish again"
        )
    return inputs, outputs


def _read(package: Package, name: str) -> pa.RecordBatch:
    path = package.path(name)
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all().combine_chunks()
    except (pa.ArrowInvalid, OSError) as error:
        raise PackageCorrupt(f"{package.manifest.name}: {name} is no Arrow file: {error}; publish again") from error
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
