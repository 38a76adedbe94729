from hypothesis import given
from hypothesis import strategies as st

from instream.flow.bisect import isolate


@given(rows=st.integers(0, 200), bad=st.sets(st.integers(0, 199), max_size=12))
def test_only_rows_that_fail_alone_are_left_out(rows: int, bad: set[int]) -> None:
    bad = {row for row in bad if row < rows}

    def apply(start: int, length: int) -> list[int]:
        if found := bad.intersection(range(start, start + length)):
            raise ValueError(min(found))
        return list(range(start, start + length))

    told: list[int] = []
    parts = isolate(apply, rows, lambda row, error: told.append(row))
    good = [row for _, _, part in parts for row in part]
    assert told == sorted(bad)
    assert good == [row for row in range(rows) if row not in bad]


def test_few_calls_for_few_bad_rows() -> None:
    calls = 0

    def apply(start: int, length: int) -> None:
        nonlocal calls
        calls += 1
        if start <= 5_000 < start + length:
            raise ValueError("row 5000")

    isolate(apply, 10_000, lambda row, error: None)
    assert calls <= 2 * 15
