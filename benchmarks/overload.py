"""Ten times the load that a server can bear, in an open loop: how much of its best is left, and what refusals and probes take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import msgspec
from rich.table import Table

from benchmarks import report
from benchmarks.stage import CONSOLE
from instream.stores import open_store
from instream.testing.faults.served import Served, served
from instream.testing.load import Offered, offer, request
from instream.testing.models import costly_rows, onnx_package

DEADLINE_S = 0.25
TIMES = 10
_QUESTION = msgspec.json.encode({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1.0]}]})
_REQUEST = request("/v2/models/delay/infer", _QUESTION, instream_timeout_ms=str(int(DEADLINE_S * 1000)))
_READY = b"GET /v2/health/ready HTTP/1.1\r\nhost: load\r\n\r\n"


@dataclass(frozen=True)
class Flooded:
    """One round.

    Attributes:
        peak, on_time: answers a second before their deadline, at the best rate and at ten times that.
        refusal_ms: median time to a refusal.
        probe_ms: longest time to an answer about readiness.
        calm_ms, after_ms: median latency at ten requests a second, before and two seconds after.
    """

    peak: float
    on_time: float
    refusal_ms: float
    probe_ms: float
    calm_ms: float
    after_ms: float


def overload(rounds: int, seconds: int) -> None:
    """A model that costs some 5 ms a request, alone or with others, in a server of one process."""
    with tempfile.TemporaryDirectory(prefix="instream-bench-") as name:
        folder = Path(name)
        store = open_store(f"sqlite:///{folder}/models.db")
        store.put(onnx_package(folder, costly_rows(540)))
        with served(folder, "--model", "delay", "--store", f"sqlite:///{folder}/models.db") as server:
            found = [_round(server, number, rounds, seconds) for number in range(rounds)]
    CONSOLE.print(_table(found))
    report.write("overload", {"rounds": [asdict(each) for each in found]})


def _round(server: Served, number: int, rounds: int, seconds: int) -> Flooded:
    with CONSOLE.status(f"round {number + 1}/{rounds}"):
        calm = _at(server, 10, 2)
        capacity = 1 / median(calm.seconds)
        peak = max(_at(server, share * capacity, seconds).on_time(DEADLINE_S) / seconds for share in (0.8, 1.0, 1.2, 1.5, 2.0))
        with ThreadPoolExecutor(1) as pool:
            probing = pool.submit(offer, server.http, _READY, rate=10, seconds=seconds)
            flooded = _at(server, TIMES * peak, seconds)
            probes = probing.result()
        time.sleep(2)
        after = _at(server, 10, 2)
    return Flooded(
        peak,
        flooded.on_time(DEADLINE_S) / seconds,
        median(flooded.refusal_seconds) * 1e3,
        max(probes.seconds) * 1e3,
        median(calm.seconds) * 1e3,
        median(after.seconds) * 1e3,
    )


def _at(server: Served, rate: float, seconds: float) -> Offered:
    return offer(server.http, _REQUEST, rate=rate, seconds=seconds)


def _table(found: Sequence[Flooded]) -> Table:
    table = Table("round", "peak/s", "on time/s at 10x", "share", "refusal ms", "longest probe ms", "calm ms", "after ms", title="Overload")
    for number, each in enumerate(found, 1):
        figures = (each.peak, each.on_time, each.on_time / each.peak, each.refusal_ms, each.probe_ms, each.calm_ms, each.after_ms)
        forms = ("{:.0f}", "{:.0f}", "{:.2f}", "{:.1f}", "{:.0f}", "{:.1f}", "{:.1f}")
        table.add_row(str(number), *(form.format(figure) for form, figure in zip(forms, figures, strict=True)))
    return table
