"""Whole batches find what a dict says, whatever was put, moved and taken away, and whichever hashes are equal."""

from collections import Counter
from collections.abc import Hashable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instream.keyed.lookup import Lookup
from instream.keyed.words import TEXT_BYTES, Layout, Words

SLOTS = 64
TEXTS = st.none() | st.text(max_size=3) | st.sampled_from(["a", "a\0", "\0", "", "x" * TEXT_BYTES, "x" * 8, "x" * 9, "é", "e\u0301"])
NUMBERS = st.none() | st.sampled_from([-1, 0, 1, 2**63 - 1, -(2**63)]) | st.integers(-3, 3)
KINDS = {"string": (str, TEXTS), "int64": (int, NUMBERS), "bool": (bool, st.none() | st.booleans())}


@st.composite
def keyed(draw: Any) -> tuple[Layout, list[pa.DataType], list[tuple[Any, ...]]]:
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(*(KINDS[name][1] for name in names)), min_size=1, max_size=SLOTS))
    return Layout([KINDS[name][0] for name in names]), [pa.type_for_alias(name) for name in names], rows


def arrays(types: list[pa.DataType], rows: list[tuple[Any, ...]], before: int = 0) -> list[pa.Array]:
    """Columns, as slices of longer ones."""
    columns = zip(*((rows * before)[:before] + rows), strict=True)
    return [pa.array(column, type_).slice(before) for column, type_ in zip(columns, types, strict=True)]


def table(words: Words, width: int) -> list[tuple[int, ...]]:
    found = np.zeros((len(words.codes), width), np.uint64)
    for place, word in words.columns:
        found[:, place] = word
    return [tuple(row) for row in found.tolist()]


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return [(type(part), part) for part in one] == [(type(part), part) for part in other]


@given(keyed(), st.integers(0, 3))
def test_keys_are_equal_where_their_words_are(given_: tuple[Layout, list[pa.DataType], list[tuple[Any, ...]]], before: int) -> None:
    layout, types, rows = given_
    words = layout.words(arrays(types, rows, before))
    found = table(words, layout.width)
    for at, row in enumerate(rows):
        assert layout.words_of(row) == (list(found[at]), int(words.codes[at]))
        assert [same(row, other) for other in rows] == [found[at] == other for other in found]


@pytest.mark.parametrize("bits", [64, 1, 0])
@given(keyed(), st.data())
def test_as_a_dict(bits: int, given_: tuple[Layout, list[pa.DataType], list[tuple[Any, ...]]], data: st.DataObject) -> None:
    """Also where hashes say little."""
    layout, types, rows = given_
    layout = Blunt(layout, bits)
    lookup, known, free = Lookup(layout, SLOTS), dict[Hashable, int](), list(range(SLOTS))
    for row in rows:
        before = known.get(row, -1)
        if data.draw(st.booleans()) or before < 0:
            known[row] = free.pop(data.draw(st.integers(0, len(free) - 1)))
            lookup.put(row, known[row], before)
        else:
            del known[row]
            lookup.drop(row, before)
        if before >= 0:
            free.append(before)
    words = layout.words(arrays(types, rows))
    sharing = Counter(code for _, code in set(zip(rows, words.codes.tolist(), strict=True)))
    for row, code, place in zip(rows, words.codes.tolist(), lookup.find(words).tolist(), strict=True):
        assert place == known.get(row, -1) or (place < 0 and (bits < 64 or sharing[code] > 1))  # of keys with one hash, one is found


def test_numbers_that_differ_in_upper_bits_have_hashes_of_their_own() -> None:
    words = Layout([int, int]).words(arrays([pa.int64(), pa.int64()], [(0, -1), (-(2**63), 2**63 - 1)]))
    assert len(set(words.codes.tolist())) == 2


class Blunt(Layout):
    """Hashes of so many bits."""

    def __init__(self, layout: Layout, bits: int) -> None:
        super().__init__(layout._kinds)
        self._bits = (1 << bits) - 1

    def words(self, columns: Any) -> Words:
        found = super().words(columns)
        return Words(found.columns, found.codes & np.uint64(self._bits))

    def words_of(self, key: Hashable) -> tuple[list[int], int] | None:
        found = super().words_of(key)
        return found and (found[0], found[1] & self._bits)


def test_long_texts_and_fewer_columns_are_left_to_the_dict() -> None:
    layout = Layout([str, str])
    lookup = Lookup(layout, SLOTS)
    long = "x" * (TEXT_BYTES + 1)
    for slot, key in enumerate([(long, "a"), ("a",), ("a", "b")]):
        lookup.put(key, slot)
    words = layout.words(arrays([pa.string(), pa.string()], [(long, "a"), ("a", None), ("a", "b")]))
    assert lookup.find(words).tolist()[2] == 2
    assert max(lookup.find(words).tolist()[:2]) < 0
    lookup.drop((long, "a"), 0)


def test_it_grows_and_forgets() -> None:
    layout = Layout([str])
    lookup = Lookup(layout, 20_000)
    for number in range(20_000):
        lookup.put(f"{number}", number)
        if number >= 100:
            lookup.drop(f"{number - 100}", number - 100)
    words = layout.words([pa.array([f"{number}" for number in range(20_000)])])
    found = lookup.find(words)
    assert found[19_900:].tolist() == list(range(19_900, 20_000))
    assert (found[:19_900] < 0).all()
    assert len(lookup._entries) <= 4_096
