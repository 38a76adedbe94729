"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def backoff(first_s: float, longest_s: float, random: Random) -> Iterator[float]:
    """Waits in seconds: exponential, with full jitter, so that many clients do not return at once.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
    """
    ceiling = first_s
    while True:
        yield random.uniform(0, ceiling)
        ceiling = min(ceiling * 2, longest_s)
