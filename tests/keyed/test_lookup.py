"""Whole batches find what a dict says, whatever was put, moved and taken away, and whichever hashes are equal."""

from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from instream.keyed.lookup import Lookup

UNKNOWN = -2
# -1 and -2 have one hash in CPython, and so have numbers that are apart by 2^61 - 1
NUMBERS = st.sampled_from([-2, -1, 0, 1, 2**61 - 1, 2**61, 2**62 - 2]) | st.integers(0, 50)
KEYS = st.one_of(
    st.lists(st.tuples(NUMBERS, st.integers(-2, 9)), max_size=60),
    st.lists(st.tuples(st.text(max_size=2), st.integers(-2, 9)), max_size=60),
    st.lists(st.tuples(st.tuples(NUMBERS, st.none() | st.text(max_size=1)), st.integers(-2, 9)), max_size=60),
)


@given(KEYS, st.data())
def test_as_the_dict(steps: list[tuple[Hashable, int]], data: st.DataObject) -> None:
    known: dict[Hashable, int] = {}
    lookup = Lookup(known, UNKNOWN)
    for key, place in steps:
        if place == UNKNOWN:
            known.pop(key, None)
        else:
            known[key] = place
        lookup.put(key, place)
    asked = [key for key, _ in steps] + ([data.draw(NUMBERS)] if steps and isinstance(steps[0][0], int) else [])
    assert lookup.find(asked).tolist() == [known.get(key, UNKNOWN) for key in asked]


def test_it_grows_and_forgets() -> None:
    known: dict[Hashable, int] = {}
    lookup = Lookup(known, UNKNOWN)
    for number in range(20_000):
        known[f"{number}"] = number
        lookup.put(f"{number}", number)
        if number >= 100:
            del known[f"{number - 100}"]
            lookup.put(f"{number - 100}", UNKNOWN)
    asked = [f"{number}" for number in range(20_000)]
    assert lookup.find(asked).tolist() == [known.get(key, UNKNOWN) for key in asked]
    assert len(lookup._keys) <= 4_096
