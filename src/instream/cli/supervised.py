"""What every command under a supervisor does with signals, and how it ends."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from instream.errors import InstreamError
from instream.process.exits import Exit, exit_of
from instream.process.status import Status
from instream.process.supervisor import Finished, Supervisor


def until_told(supervisor: Supervisor, show: Callable[[Status], None]) -> Finished:
    """Run; SIGTERM and the first Ctrl-C drain, another Ctrl-C ends it now."""
    interrupts = iter([supervisor.drain, supervisor.kill])
    signal.signal(signal.SIGTERM, lambda *_: supervisor.drain())
    signal.signal(signal.SIGINT, lambda *_: next(interrupts, supervisor.kill)())
    return supervisor.run(show)


@contextlib.contextmanager
def ending(console: Console) -> Iterator[None]:
    """What an engine ends with is told as if a supervisor had: a message, and the status that belongs to it."""
    try:
        yield
    except InstreamError as error:
        status = exit_of(error)
        console.print(f"[bold red]{type(error).__name__}:[/] {escape(str(error))}")
        sys.exit(Exit.CRASH_LOOP if status is None else status)


def leave(console: Console, finished: Finished) -> NoReturn:
    """Say why it ended, if there is something to say, and end this process with its status."""
    if finished.message:
        console.print(f"[bold red]{finished.exit.name.lower().replace('_', ' ')}:[/] {escape(finished.message)}")
    sys.exit(finished.exit if finished.exit is not Exit.DONE else 0)
