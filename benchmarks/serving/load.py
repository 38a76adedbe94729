"""Closed-loop load on a server: wrk for REST, a process of our own for gRPC."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drain import Failed
from benchmarks.serving.questions import Question
from benchmarks.serving.started import Started

WARM_S = 1
_PATIENCE_S = 60.0

_SCRIPT = """\
local body = io.open({body}, "rb")
wrk.method = "POST"
wrk.body = body:read("*a")
{headers}

function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('{{"answered": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was seen of one server under load.

    Attributes:
        contestant: the case and the server, as goals name them.
        rows: of each request.
        cpu_seconds: of the server's processes.
    """

    contestant: str
    rows: int
    answered: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.answered * self.rows / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU µs a request."""
        return 1e6 * self.cpu_seconds / self.answered


def load(name: str, on: Started, question: Question, connections: int, seconds: int) -> Loaded:
    """Check the answer, warm up, measure. Raises Failed when one request fails, WrongAnswer."""
    on.ask(question)
    _run(on, question, connections, WARM_S)
    before = on.tree.seconds()
    told = _run(on, question, connections, seconds)
    used = on.tree.seconds() - before
    on.check_alive()
    on.ask(question)
    return Loaded(name, question.rows, int(told["answered"]), told["seconds"], used, told["p50_ms"], told["p99_ms"])


def _run(on: Started, question: Question, connections: int, seconds: int) -> dict[str, float]:
    body = on.place.folder / "body"
    body.write_bytes(question.body)
    make = _wrk if question.transport == "rest" else _calls
    command = make(on, question, body, connections, seconds)
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _PATIENCE_S, stdin=subprocess.DEVNULL, check=False)
    try:
        told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise Failed(f"{on.server.name}: {command[0]} failed: {done.stdout[-1000:]}{done.stderr[-3000:]}") from error
    if told["failed"] or not told["answered"]:
        raise Failed(f"{on.server.name}: {told['failed']:g} of {told['answered']:g} requests failed")
    return told


def _wrk(on: Started, question: Question, body: Path, connections: int, seconds: int) -> list[str]:
    script = on.place.folder / "wrk.lua"
    headers = "\n".join(f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in question.headers.items())
    script.write_text(_SCRIPT.format(body=_lua(str(body)), headers=headers), encoding="utf-8")
    url = f"http://127.0.0.1:{on.place.http}{question.path}"
    return [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", str(script), url]


def _calls(on: Started, question: Question, body: Path, connections: int, seconds: int) -> list[str]:
    said = [f"{key}={value}" for key, value in question.headers.items()]
    program = [sys.executable, "-m", "benchmarks.peers.grpc_load"]
    return [*program, f"127.0.0.1:{on.place.grpc}", question.path, str(body), str(connections), str(seconds), *said]


def wrk() -> str:
    """The program. Raises Failed: says where to get it."""
    found = shutil.which("wrk")
    if found is None:
        raise Failed("the REST load comes from wrk, which is not on the PATH: apt-get install wrk")
    return found


def _lua(text: str) -> str:
    """A string of Lua; JSON's escapes are its own for what is in headers and paths."""
    return json.dumps(text)
