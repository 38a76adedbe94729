"""What every command under a supervisor does with signals, and how it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from instream.process.exits import Exit
from instream.process.status import Status
from instream.process.supervisor import Finished, Supervisor


def until_told(supervisor: Supervisor, show: Callable[[Status], None]) -> Finished:
    """Run; SIGTERM and the first Ctrl-C drain, another Ctrl-C ends it now."""
    interrupts = iter([supervisor.drain, supervisor.kill])
    signal.signal(signal.SIGTERM, lambda *_: supervisor.drain())
    signal.signal(signal.SIGINT, lambda *_: next(interrupts, supervisor.kill)())
    return supervisor.run(show)


def leave(console: Console, finished: Finished) -> NoReturn:
    """Say why it ended, if there is something to say, and end this process with its status."""
    if finished.message:
        console.print(f"[bold red]{finished.exit.name.lower().replace('_', ' ')}:[/] {escape(finished.message)}")
    sys.exit(finished.exit if finished.exit is not Exit.DONE else 0)
