"""Keys as 64-bit words, so that numpy finds and compares whole batches of them, and no key becomes a Python object."""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U64 = npt.NDArray[np.uint64]

TEXT_BYTES = 40
"""Longer texts have no words: their keys are found one by one. A UUID has 36."""

_COLUMNS_MAX = 8
_NULL, _LONG = 0xFE, 0xFF
_TEXT_WORDS = TEXT_BYTES // 8
_MASKS = np.array([(1 << (8 * count)) - 1 for count in range(9)], np.uint64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64
_SHIFT = np.uint64(32)
_ALL = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Words:
    """Keys of a batch.

    Attributes:
        columns: the words that are not 0 in all rows, each with its place: shape (n,). The first tells the length of each
            text, and which parts are null; a key without words has a length there that no other has.
        codes: a hash of each; equal keys have equal ones.
    """

    columns: Sequence[tuple[int, U64]]
    codes: U64


class Layout:
    """Which words the columns of a key have; the first word has a byte for each column."""

    def __init__(self, kinds: Sequence[type]) -> None:
        """`kinds`: `str`, `int` or `bool`, by column."""
        self._kinds = tuple(kinds)
        self._starts = [1, *(1 + np.cumsum([_TEXT_WORDS if kind is str else 1 for kind in kinds])).tolist()]
        self.width: int = self._starts[-1]
        odd = np.random.default_rng(self.width).integers(0, 1 << 63, self.width, np.uint64) * np.uint64(2) + np.uint64(1)
        self._odd: U64 = odd  # multipliers, the same in every process
        self._ints = [int(each) for each in odd]

    def words(self, columns: Sequence[pa.Array]) -> Words:
        """Of the keys of a batch."""
        first = np.zeros(len(columns[0]), np.uint64)
        if len(self._kinds) > _COLUMNS_MAX:
            return Words([(0, first)], first)
        found: list[tuple[int, U64]] = [(0, first)]
        for at, (column, kind) in enumerate(zip(columns, self._kinds, strict=True)):
            sizes, words = _text_words(column) if kind is str else _number_words(column)
            if sizes is not None:
                first |= sizes << np.uint64(8 * at)
            found += ((self._starts[at] + place, word) for place, word in enumerate(words))
        codes: U64 = first * self._odd[0]
        for place, word in found[1:]:
            codes += word * self._odd[place]
        codes ^= codes >> _SHIFT
        codes *= _MIX
        codes ^= codes >> _SHIFT
        return Words(found, codes)

    def words_of(self, key: Hashable) -> tuple[list[int], int] | None:
        """All words of one key, and its hash; None where it has none: of fewer columns, or with a long text."""
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) != len(self._kinds) or len(parts) > _COLUMNS_MAX:
            return None
        words, first = [0], 0
        for at, (part, kind) in enumerate(zip(parts, self._kinds, strict=True)):
            size, own = _part_words(part, kind)
            if size == _LONG:
                return None
            first |= size << (8 * at)
            words += own
        words[0] = first
        code = sum(word * odd for word, odd in zip(words, self._ints, strict=True)) & _ALL
        code ^= code >> 32
        code = code * int(_MIX) & _ALL
        return words, code ^ (code >> 32)


def _part_words(part: object, kind: type) -> tuple[int, Sequence[int]]:
    if kind is not str:
        return (_NULL, (0,)) if part is None else (0, (int(part) & _ALL,))  # type: ignore[call-overload]
    if part is None:
        return _NULL, (0,) * _TEXT_WORDS
    raw = str(part).encode("utf-8", "surrogatepass")
    return (_LONG, ()) if len(raw) > TEXT_BYTES else (len(raw), struct.unpack(f"<{_TEXT_WORDS}Q", raw.ljust(TEXT_BYTES, b"\0")))


def _number_words(column: pa.Array) -> tuple[U64 | None, list[U64]]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if not column.null_count:
        return None, [column.to_numpy().astype(np.int64).view(np.uint64)]
    sizes = np.where(column.is_null().to_numpy(zero_copy_only=False), np.uint64(_NULL), np.uint64(0))
    return sizes, [column.fill_null(0).to_numpy().astype(np.int64).view(np.uint64)]


def _text_words(column: pa.Array) -> tuple[U64, list[U64]]:
    """Sizes, and as many words as the longest text has."""
    count = len(column)
    _, ends, data = column.buffers()
    offsets = np.frombuffer(ends, np.int32, count + 1, 4 * column.offset)
    start, end = int(offsets[0]), int(offsets[-1])
    lengths, starts = np.diff(offsets), offsets[:-1] - np.int32(start)
    padded = np.zeros(end - start + TEXT_BYTES + 8, np.uint8)
    if end > start:
        padded[: end - start] = np.frombuffer(data, np.uint8, end - start, start)
    sizes = lengths.astype(np.uint64)
    if column.null_count:
        null = column.is_null().to_numpy(zero_copy_only=False)
        lengths, sizes[null] = np.where(null, 0, lengths), _NULL
    if int(lengths.max(initial=0)) > TEXT_BYTES:
        long = lengths > TEXT_BYTES
        lengths, sizes[long] = np.where(long, 0, lengths), _LONG
    return sizes, list(_eights(padded, starts, lengths))


def _eights(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]) -> Iterator[U64]:
    """Eight bytes of each text at a time, with zeros behind its end."""
    anywhere = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    shortest, longest = int(lengths.min(initial=TEXT_BYTES)), int(lengths.max(initial=0))
    for done in range(0, longest, 8):
        word: U64 = anywhere[starts + np.int32(done)]
        yield word if shortest >= done + 8 else word & _MASKS[np.clip(lengths - done, 0, 8)]
