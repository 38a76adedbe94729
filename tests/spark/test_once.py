"""Readers see each id once, whatever a writer's tries left behind."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instream.spark import Once


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 4))
def test_each_record_is_new_once(seed: int, size: int, tries: int) -> None:
    """Batches of the window's size; each was tried again after a part of it was written, with holes, as a producer may leave them."""
    random = Random(seed)
    once = Once(window=size)
    found: list[tuple[int, int]] = []
    for batch in range(5):
        offsets = [batch * size + i for i in range(size) if random.random() < 0.8]  # the others were filtered
        partial = [[each for each in offsets if random.random() < 0.6] for _ in range(random.randint(0, tries))]
        for attempt in [*partial, offsets]:
            found += [(p, each) for each in attempt for p in (each % 2,) if once.is_new(p, b"t/0/%d" % each)]
        assert sorted({each for _, each in found}) == sorted(each for _, each in found)
        assert {each for _, each in found} >= set(offsets)


def test_partitions_are_apart_and_a_missing_header_is_said() -> None:
    once = Once(window=4)
    assert once.is_new(0, b"a/0/7")
    assert once.is_new(1, b"a/0/7")
    assert once.is_new(0, b"a/1/7")
    assert once.is_new(0, b"b/0/7")
    assert not once.is_new(0, b"a/0/7")
    assert not once.is_new(0, b"a/0/3")  # before the window: the reader itself went back
    with pytest.raises(ValueError, match=r"output\.source_id"):
        once.is_new(0, b"")
