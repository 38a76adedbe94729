"""Structured logs on standard error: a fixed phrase, facts as fields."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog


def get(room: str) -> Any:
    """A logger whose lines say which part spoke.

    Where nobody has configured structlog it speaks of warnings only, to standard error: inside somebody's own program
    standard output is not ours.
    """
    if not structlog.is_configured():
        configure("warning")
    return structlog.get_logger(room=room)


def write_to(line: Callable[[str], object]) -> None:
    """From now on lines go there: where standard error is a file that nobody finds."""
    global _write
    _write = line


def _to_standard_error(message: str) -> None:
    sys.stderr.write(message + "\n")  # not print, which Flink's Python workers replace by one without `flush`
    sys.stderr.flush()


_write: Callable[[str], object] = _to_standard_error


class _StandardError:
    """Writes to what standard error is now. A log that nobody can read any more stops nothing."""

    def __init__(self, *names: object) -> None:
        """Structlog hands over names, which nobody needs."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a pipe without a reader, a stream that was closed
            _write(message)

    debug = info = warning = error = critical = exception = msg


def configure(level: str = "info") -> None:
    """One line an event, to standard error; JSON unless a person looks at a terminal."""
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )
