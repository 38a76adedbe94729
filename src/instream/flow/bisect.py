"""Find the rows that make a batch function raise, without giving up the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def isolate(apply: Callable[[int, int], T], rows: int, bad: Callable[[int, Exception], None]) -> list[tuple[int, int, T]]:
    """Call `apply(start, length)` on parts so that only rows which fail alone are left out.

    Args:
        apply: raises when any of its rows is bad.
        rows: in the whole batch.
        bad: told each row that fails alone, with its exception, in order.
    Returns:
        (start, length, result) of the parts that went through, in order. With k bad rows among n,
        `apply` is called about 2 k log2(n) times.
    """
    done: list[tuple[int, int, T]] = []
    todo = [(0, rows)] if rows else []
    while todo:
        start, length = todo.pop()
        try:
            done.append((start, length, apply(start, length)))
        except Exception as error:  # whatever a model or a feature step raises
            if length == 1:
                bad(start, error)
            else:
                half = length // 2
                todo += [(start + half, length - half), (start, half)]
    return done
