"""Names of files that are being written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instream.connectors.url import SUFFIXES


def part_of(path: Path) -> Path:
    """Where a file is written before it gets its name; the next run writes over what a kill left."""
    return path.with_name(path.name + ".part")


def numbered(path: Path) -> Iterator[Path]:
    """The name itself, then with 2, 3, … before the suffix.

    >>> names = numbered(Path("out.parquet"))
    >>> str(next(names)), str(next(names))
    ('out.parquet', 'out-2.parquet')
    """
    suffix = next(suffix for suffix in reversed(SUFFIXES) if path.name.endswith(suffix))
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name.removesuffix(suffix)}-{number}{suffix}")
        number += 1
