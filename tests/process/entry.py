"""A child that does what its work says: for tests of the supervisor, without any pipeline."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from instream.process.blackbox import Flight, Recorder
from instream.process.link import Link
from instream.process.messages import Ended, Failed, Report


def main() -> None:
    link = Link(int(sys.argv[1]))
    start = link.start()
    work = json.loads(bytes(start.work))
    drained = threading.Event()
    link.listen(lambda within_s: drained.set())
    signal.signal(signal.SIGTERM, lambda *args: drained.set())
    Recorder(Path(start.blackbox)).note(Flight("delay", 3, (2,), {"in/0": (40, 59)}))
    link.send(Report(ready=True, records_in=start.slot + 1))
    act(work["act"], work, link, drained)


def act(what: str, work: dict[str, object], link: Link, drained: threading.Event) -> None:
    if what == "end":
        link.send(Ended("done"))
    elif what == "wait":
        print(f"pid {os.getpid()}", flush=True)
        drained.wait(60)
        link.send(Ended("asked"))
    elif what == "hang":
        while True:
            time.sleep(1)
    elif what == "fail":
        link.send(Failed("delays.toml: no such model", 1))
        sys.exit(1)
    elif what == "raise":
        raise RuntimeError("a bug")
    elif what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "killed once":
        marker = str(work["marker"])
        if not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        link.send(Ended("done"))


if __name__ == "__main__":
    main()
