"""A record batch seen as a sequence of JSON lines, each made only when somebody asks for its bytes.

Columnar sources and sinks speak through it: a batch goes from Parquet to Parquet and no row is ever text,
but a dead letter still has its original bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import msgspec
import pyarrow as pa


class ArrowRows(Sequence[bytes | None]):
    """Rows of a record batch as JSON bytes. `present[i]` False makes row i None."""

    __slots__ = ("batch", "present")

    def __init__(self, batch: pa.RecordBatch, present: Sequence[bool] | None = None) -> None:
        self.batch = batch
        self.present = present

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes | None]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes | None] | None:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self.present is not None and not self.present[index]:
            return None
        return msgspec.json.encode(self.batch.slice(index, 1).to_pylist()[0])

    def __iter__(self) -> Iterator[bytes | None]:
        return (self[i] for i in range(len(self)))
