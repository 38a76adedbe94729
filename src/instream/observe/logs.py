"""Structured logs on standard error: a fixed phrase, facts as fields."""

from __future__ import annotations

import logging
import sys
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


def configure(level: str = "info", *, json: bool | None = None) -> None:
    """One line an event, to standard error; JSON unless a person looks at a terminal."""
    as_json = not sys.stderr.isatty() if json is None else json
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
