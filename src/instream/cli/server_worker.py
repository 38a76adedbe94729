"""The entry of a server process: `python -m instream.cli.server_worker FD`, started by the supervisor of `instream serve`."""

from __future__ import annotations

import faulthandler
import gc
import signal
import sys

import msgspec

from instream.deploy.serving import serving_of
from instream.observe import logs
from instream.process.attended import Attendant
from instream.process.link import Link
from instream.process.messages import Start
from instream.server.serving import Serving
from instream.server.settings import Server

_COLLECT_AFTER = 50_000
"""Objects that may be made, and not yet be gone, before Python looks for cycles among them: at its 700 a look through
everything that libraries made at import, 50 ms, comes several times a second."""


def main() -> None:
    """Do what the supervisor's first line says."""
    logs.configure()
    faulthandler.register(signal.SIGUSR1)  # where each thread is, on standard error: for a process that seems to hang
    Attendant(Link(int(sys.argv[1]))).run(build)


def build(start: Start) -> Serving:
    gc.collect()
    gc.freeze()  # libraries stay: no collection looks at them again
    gc.set_threshold(_COLLECT_AFTER)
    return serving_of(msgspec.json.decode(start.work, type=Server), start)


if __name__ == "__main__":
    main()
