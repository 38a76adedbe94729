from __future__ import annotations

from instream.process.slots import Slots


def test_two_runs_on_one_machine_get_different_slots(unique: str) -> None:
    first = Slots(unique, 2)
    second = Slots(unique, 2)
    assert (first.numbers, second.numbers) == ([0, 1], [2, 3])
    first.close()
    third = Slots(unique, 1)
    assert third.numbers == [0]
    for each in (second, third):
        each.close()
