"""A supervisor with two children that wait; a test kills it. Its argument is a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from instream.observe import logs
from instream.process.child import Entry
from instream.process.supervisor import Supervisor

if __name__ == "__main__":
    logs.configure()
    entry = Entry("entry", b'{"act": "wait"}', stdout=None, environ={"PYTHONPATH": str(Path(__file__).parent)})
    Supervisor(entry, range(2), folder=Path(sys.argv[1]), grace_s=60).run()
