"""Memory of a server before, during and after many large requests at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.drain import Failed
from benchmarks.servers import FASTAPI, INSTREAM, MLSERVER, Server
from benchmarks.serving.questions import Question, in_binary, in_json
from benchmarks.serving.started import Started
from instream.testing.processes import descendants

REQUESTS = 800
_LOOK_S = 0.02
_SETTLE_S = 2.0
_PATIENCE_S = 200
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
_REFUSED = ("429", "503")


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of one burst; MB are resident, of the server's processes together."""

    contestant: str
    before_mb: float
    peak_mb: float
    after_mb: float
    answered: int
    refused: int
    failed: int
    others: dict[str, int]
    seconds: float


def bursts() -> list[tuple[Server, Question]]:
    """Everyone, and about 300 KB for each. MLServer reads no binary tensors over REST: it gets as many bytes of JSON."""
    binary = in_binary(2_400)
    as_json = in_json(int(2_400 * len(binary.body) / len(in_json(2_400).body)))
    return [(INSTREAM, binary), (FASTAPI, replace(binary, path=f"/binary{binary.path}")), (FASTAPI, as_json), (MLSERVER, as_json)]


def name_of(server: Server, question: Question) -> str:
    """As the table calls it."""
    return f"{server.name}, {'JSON' if question.headers['content-type'].endswith('json') else 'binary'}"


def burst(on: Started, question: Question) -> Burst:
    """Send them all at once and look on. Raises Failed when the server does not live through it, WrongAnswer."""
    on.ask(question)
    time.sleep(_SETTLE_S)
    before = resident_mb(on.process.pid)
    with _peak(on.process.pid) as peak:
        told = _sent(on, question)
    time.sleep(_SETTLE_S)
    on.check_alive()
    on.ask(question)
    outcomes: dict[str, int] = told["outcomes"]
    refused, answered = sum(outcomes.get(status, 0) for status in _REFUSED), outcomes.get("200", 0)
    others = {what: count for what, count in outcomes.items() if what not in ("200", *_REFUSED)}
    name = name_of(on.server, question)
    return Burst(name, before, peak[0], resident_mb(on.process.pid), answered, refused, sum(others.values()), others, told["seconds"])


def resident_mb(pid: int) -> float:
    """Of a process and all that it started; pages that they share count for each."""
    pages = 0
    for each in descendants(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except OSError:  # it ended meanwhile
            continue
    return pages * _PAGE_MB


def _sent(on: Started, question: Question) -> dict[str, Any]:
    head = {"host": f"127.0.0.1:{on.place.http}", **question.headers, "content-length": str(len(question.body))}
    lines = [f"POST {question.path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    request = on.place.folder / "request"
    request.write_bytes("\r\n".join(lines).encode() + question.body)
    command = [sys.executable, "-m", "instream.testing.burst", str(on.place.http), str(request), str(REQUESTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Failed(f"the burst failed: {done.stderr[-3000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextmanager
def _peak(pid: int) -> Iterator[list[float]]:
    """The most that was seen at a look every 20 ms."""
    seen, ending = [0.0], threading.Event()

    def look() -> None:
        while not ending.wait(_LOOK_S):
            seen[0] = max(seen[0], resident_mb(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        ending.set()
        looking.join()
