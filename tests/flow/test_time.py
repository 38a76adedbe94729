from random import Random

from instream.flow.backoff import backoff
from instream.flow.deadline import Deadline, deadline_in


class Moved:
    def __init__(self) -> None:
        self.ns = 0

    def monotonic_ns(self) -> int:
        return self.ns

    def wall_ms(self) -> int:
        return 0

    def wait(self, event: object, seconds: float) -> bool:
        return False


def test_a_deadline_expires_on_its_clock() -> None:
    clock = Moved()
    deadline = deadline_in(1.5, clock)
    assert deadline == Deadline(1_500_000_000)
    assert deadline.left_s(clock) == 1.5
    clock.ns = 1_500_000_000
    assert deadline.expired(clock)


def test_waits_grow_to_a_limit_and_a_seed_repeats_them() -> None:
    waits = backoff(0.1, 2.0, Random(3))
    first = [next(waits) for _ in range(50)]
    again = backoff(0.1, 2.0, Random(3))
    assert first == [next(again) for _ in range(50)]
    assert all(0 <= wait <= 2.0 for wait in first)
    assert max(first[:2]) <= 0.2 < max(first)
