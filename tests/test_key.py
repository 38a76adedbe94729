from hypothesis import given
from hypothesis import strategies as st

from instream.key import Key, key_of, text_of

PARTS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20) | st.text("%7C25|:sinb01", max_size=8)
KEYS = st.lists(PARTS, max_size=4).map(tuple)


@given(KEYS)
def test_a_text_is_that_of_one_key(key: Key) -> None:
    read = key_of(text_of(key))
    assert [(type(part), part) for part in read] == [(type(part), part) for part in key]


@given(KEYS, KEYS)
def test_keys_are_never_merged(one: Key, other: Key) -> None:
    same = [(type(part), part) for part in one] == [(type(part), part) for part in other]
    assert (text_of(one) == text_of(other)) == same
