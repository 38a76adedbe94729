"""Keys as 64-bit words, so that numpy finds and compares whole batches of them, and no key becomes a Python object.

A text is its UTF-8 bytes, then 0x80, then zeros, as hash functions pad: no two have the same words, since no text has a
byte 0x80 that begins a character. A number is its value, and a word that says whether it is null; a null text is zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U64 = npt.NDArray[np.uint64]

TEXT_BYTES = 39
"""Longer texts have no words: their keys are found one by one. A UUID has 36."""

_TEXT_WORDS = (TEXT_BYTES + 1) // 8
_ALL = (1 << 64) - 1
_LONG = np.uint64(_ALL)  # no text begins so
# by how many bytes of a text are in a word; the last for words behind its end
_MASKS = np.array([*((1 << 8 * count) - 1 for count in range(9)), 0], np.uint64)
_ENDS = np.array([*(0x80 << 8 * count for count in range(8)), 0, 0], np.uint64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64
_SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Words:
    """Keys of a batch.

    Attributes:
        columns: the words that are not 0 in all rows, each with its place: shape (n,).
        codes: a hash of each; equal keys have equal ones.
    """

    columns: Sequence[tuple[int, U64]]
    codes: U64


class Layout:
    """Which words the columns of a key have."""

    def __init__(self, kinds: Sequence[type]) -> None:
        """`kinds`: `str`, `int` or `bool`, by column."""
        self._kinds = tuple(kinds)
        self._starts = [0, *np.cumsum([_TEXT_WORDS if kind is str else 2 for kind in kinds]).tolist()]
        self.width: int = self._starts[-1]
        # multipliers, the same in every process
        self._odd: U64 = np.random.default_rng(self.width).integers(0, 1 << 63, self.width, np.uint64) * np.uint64(2) + np.uint64(1)

    def words(self, columns: Sequence[pa.Array]) -> Words:
        """Of the keys of a batch."""
        found: list[tuple[int, U64]] = []
        for start, column, kind in zip(self._starts[:-1], columns, self._kinds, strict=True):
            found += enumerate(_text_words(column) if kind is str else _number_words(column), start)
        codes = np.zeros(len(columns[0]), np.uint64)
        for place, word in found:
            codes += (word ^ (word >> _SHIFT)) * self._odd[place]  # a product forgets upper bits, and sums of them would be equal
        codes ^= codes >> _SHIFT
        codes *= _MIX
        codes ^= codes >> _SHIFT
        return Words(found, codes)

    def words_of(self, key: Hashable) -> tuple[list[int], int] | None:
        """All words of one key, and its hash; None where it has none: of fewer columns, or with a long text."""
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) != len(self._kinds):
            return None
        words: list[int] = []
        for part, kind in zip(parts, self._kinds, strict=True):
            own = _text_part(part) if kind is str else _number_part(part)
            if own is None:
                return None
            words += own
        code = sum((word ^ (word >> 32)) * int(odd) for word, odd in zip(words, self._odd, strict=True)) & _ALL
        code ^= code >> 32
        code = code * int(_MIX) & _ALL
        return words, code ^ (code >> 32)


def _number_part(part: object) -> Sequence[int]:
    return (0, 1) if part is None else (int(part) & _ALL, 0)  # type: ignore[call-overload]


def _text_part(part: object) -> Sequence[int] | None:
    if part is None:
        return (0,) * _TEXT_WORDS
    raw = str(part).encode("utf-8", "surrogatepass")
    return None if len(raw) > TEXT_BYTES else struct.unpack(f"<{_TEXT_WORDS}Q", (raw + b"\x80").ljust(8 * _TEXT_WORDS, b"\0"))


def _number_words(column: pa.Array) -> Sequence[U64]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    null = column.is_null().to_numpy(zero_copy_only=False).astype(np.uint64)
    return column.fill_null(0).to_numpy().astype(np.int64).view(np.uint64), null


def _text_words(column: pa.Array) -> Sequence[U64]:
    """As many as the longest text has."""
    _, ends, data = column.buffers()
    offsets = np.frombuffer(ends, np.int32, len(column) + 1, 4 * column.offset)
    start, end = int(offsets[0]), int(offsets[-1])
    lengths, starts = np.diff(offsets), offsets[:-1] - np.int32(start)
    long = np.flatnonzero(lengths > TEXT_BYTES) if int(lengths.max(initial=0)) > TEXT_BYTES else ()
    if len(long):
        lengths[long] = 0
    padded = np.zeros(end - start + 8 * _TEXT_WORDS + 8, np.uint8)
    if end > start:
        padded[: end - start] = np.frombuffer(data, np.uint8, end - start, start)
    words = list(_eights(padded, starts, lengths))
    if column.null_count:
        null = column.is_null().to_numpy(zero_copy_only=False)
        for word in words:
            word[null] = 0
    if len(long):
        words[0][long] = _LONG
    return words


def _eights(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]) -> Iterator[U64]:
    """Eight bytes of each text at a time, the mark of its end, and zeros behind it."""
    anywhere = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    shortest, longest = int(lengths.min(initial=TEXT_BYTES)), int(lengths.max(initial=0))
    for done in range(0, longest + 1, 8):
        word: U64 = anywhere[starts + np.int32(done)]
        if shortest < done + 8:
            here = np.clip(lengths - done, -1, 8)
            word &= _MASKS[here]
            word |= _ENDS[here]
        yield word
