"""The entry of a worker process: `python -m instream.cli.worker FD`, started by the supervisor of `instream run`."""

from __future__ import annotations

import faulthandler
import gc
import signal
import sys

import msgspec

from instream.deploy import Work, worker_of
from instream.deploy.worker import Worker
from instream.observe import logs
from instream.process.attended import Attendant
from instream.process.link import Link
from instream.process.messages import Start

_COLLECT_AFTER = 100_000
"""Objects that may be made, and not yet be gone, before Python looks for cycles among them. A batch is 10,000 messages
that hold none and are gone with it; at Python's 700 every batch is looked through 14 times."""


def main() -> None:
    """Do what the supervisor's first line says."""
    logs.configure()
    faulthandler.register(signal.SIGUSR1)  # where each thread is, on standard error: for a worker that seems to hang
    Attendant(Link(int(sys.argv[1]))).run(build)


def build(start: Start) -> Worker:
    work = msgspec.json.decode(start.work, type=Work)
    worker = worker_of(work.pipeline(), work.run, start)
    gc.collect()
    gc.freeze()  # libraries and model stay: no collection looks at them again
    gc.set_threshold(_COLLECT_AFTER)
    return worker


if __name__ == "__main__":
    main()
