"""How a pipeline's command ends: one table, which the documentation shows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from instream.errors import BadRecord, Closed, GaveUp, InstreamError, SinkFailed, SourceFailed, StoreError, TooManyDeadLetters, Unavailable


class Exit(IntEnum):
    """The exit status of `instream run`; `MEANINGS` says when."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    DEAD_LETTERS = 3
    BAD_RECORD = 4
    CRASH_LOOP = 5
    UNFINISHED = 6
    GAVE_UP = 7


MEANINGS: Mapping[Exit, str] = {
    Exit.DONE: "the source ended, the limit was reached, or it was asked to end; all that was begun is committed",
    Exit.REFUSED: "it could not start: settings, secrets, model or connection; the message says which and what to do",
    Exit.USAGE: "the command line is wrong",
    Exit.DEAD_LETTERS: "the share of dead letters is past dead_letter.max_fraction",
    Exit.BAD_RECORD: "a record cannot be scored, and there is no dead_letter.url",
    Exit.CRASH_LOOP: "a worker crashed again and again; the message names model version, partitions and offsets",
    Exit.UNFINISHED: "asked to end, it could not finish within engine.grace_s; nothing is lost, the next run repeats a part",
    Exit.GAVE_UP: "the model's servers were away for longer than strategy.fallback_s, and strategy.fallback says stop",
}

CRASHED = 70
"""What a worker ends with when a restart may help: a bug, or something outside that failed (EX_SOFTWARE of sysexits.h)."""


def exit_of(error: InstreamError) -> Exit | None:
    """The status that an error ends the whole pipeline with; None when starting the worker again may help."""
    if isinstance(error, TooManyDeadLetters):
        return Exit.DEAD_LETTERS
    if isinstance(error, GaveUp):
        return Exit.GAVE_UP
    if isinstance(error, BadRecord):
        return Exit.BAD_RECORD
    if isinstance(error, SourceFailed | SinkFailed | Unavailable | Closed) or type(error) is StoreError:
        return None
    return Exit.REFUSED
