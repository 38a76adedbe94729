"""The same flights by three strategies: the model inside the pipeline, in a server beside it, or one for each route in the store."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.flights.account import Account
from instream.testing.faults.served import Served, served

MB = 1 << 20


@dataclass
class Measured:
    """One strategy.

    Attributes:
        speed: records a second without a pace.
        pipeline_bytes, server_bytes: peak resident memory of the processes that work, the supervisors left out.
        calls, refused: that the server answered with rows, and that it refused for load.
        updated: keys that got new parameters in mid-stream.
        seen_ms: from the store's acknowledgement of the last of them to the first output by new ones.
    """

    account: Account
    speed: float
    pipeline_bytes: int
    server_bytes: int = 0
    calls: int = 0
    refused: int = 0
    updated: int = 0
    seen_ms: float = 0.0

    @property
    def bytes(self) -> int:
        return self.pipeline_bytes + self.server_bytes

    @property
    def log_loss(self) -> float:
        """Over all records whose truth is known, whoever scored them."""
        scores = self.account.scores
        return sum(each.log_loss * each.records for each in scores) / sum(each.records for each in scores)


@contextmanager
def server(folder: Path, store: str) -> Iterator[Served]:
    """`instream serve`, a process of its own."""
    with served(folder, "--model", "delay", "--store", store) as found:
        yield found


def asks(server: Served) -> Sequence[str]:
    """What makes of a pipeline file one whose model is in the server."""
    return ["--set=strategy.kind=remote", f"--set=strategy.endpoint=grpc://{server.grpc}"]


def calls(server: Served) -> tuple[int, int]:
    """Answered with rows, and refused, by the server's metrics."""
    with urllib.request.urlopen(f"http://{server.http}/metrics", timeout=10) as response:
        text = response.read().decode()
    found = re.findall(r'instream_server_requests_total\{protocol="grpc-arrow",status="(\w+)"\} (\S+)', text)
    counts = {status: int(float(count)) for status, count in found}
    return counts.get("OK", 0), counts.get("RESOURCE_EXHAUSTED", 0)


def of_keys(model: str) -> Sequence[str]:
    """What makes of a pipeline file one with a model for each key."""
    stamps = '["version", "parameters", "level", "age_ms"]'
    return [f"--set=model.name={model}", "--set=strategy.kind=database", f"--set=output.stamps={stamps}"]


def rows_of_strategies(found: Mapping[str, Measured]) -> list[tuple[str, ...]]:
    """A table with a column for each."""
    every = tuple(found.values())

    def row(name: str, form: str, *figures: float) -> tuple[str, ...]:
        return (name, *(form.format(figure) for figure in figures))

    return [
        ("", *found),
        row("records in", "{:,}", *(each.account.records_in for each in every)),
        row("records out", "{:,}", *(each.account.records_out for each in every)),
        row("records lost", "{:,}", *(each.account.lost for each in every)),
        row("records duplicated", "{:,}", *(each.account.duplicated for each in every)),
        row("latency p50, ms", "{:.1f}", *(each.account.latency_ms(50) for each in every)),
        row("latency p99, ms", "{:.1f}", *(each.account.latency_ms(99) for each in every)),
        row("a backlog at once, records", "{:,}", *(each.account.backlog for each in every)),
        row("it was scored in, s", "{:.2f}", *(each.account.backlog_s for each in every)),
        row("full speed, records/s", "{:,.0f}", *(each.speed for each in every)),
        row("peak memory of the pipeline, MB", "{:,.0f}", *(each.pipeline_bytes / MB for each in every)),
        row("peak memory of the server, MB", "{:,.0f}", *(each.server_bytes / MB for each in every)),
        row("calls answered", "{:,}", *(each.calls for each in every)),
        row("calls refused", "{:,}", *(each.refused for each in every)),
        row("keys updated in mid-stream", "{:,}", *(each.updated for each in every)),
        row("log loss", "{:.4f}", *(each.log_loss for each in every)),
    ]


def sentence(found: Mapping[str, Measured]) -> str:
    """What the figures say, and nothing else."""

    def best(figure: Callable[[Measured], float], sign: int = 1) -> str:
        return min(found, key=lambda name: sign * figure(found[name]))

    def listed(figure: Callable[[Measured], float], form: str) -> str:
        return ", ".join(f"{name} {form.format(figure(each))}" for name, each in found.items())

    def p99(each: Measured) -> float:
        return each.account.latency_ms(99)

    lost = sum(each.account.lost for each in found.values())
    by_key = found["database"]
    seen = "before the last was acknowledged" if not by_key.seen_ms else f"{by_key.seen_ms:.0f} ms after the last was acknowledged"
    return (
        f"By what was just measured: {best(p99)} for latency (p99 in ms: {listed(p99, '{:.1f}')}), "
        f"{best(lambda each: each.speed, -1)} for speed (records/s: {listed(lambda each: each.speed, '{:,.0f}')}), "
        f"{best(lambda each: each.bytes)} for memory (MB: {listed(lambda each: each.bytes / MB, '{:,.0f}')}), "
        f"{best(lambda each: each.log_loss)} for being right (log loss: {listed(lambda each: each.log_loss, '{:.3f}')}), all lost "
        f"{lost or 'nothing'}; remote besides, where several callers share a model; and database, where keys learn by themselves: "
        f"{by_key.updated} models were replaced in mid-stream, the first new answer came {seen}, and nothing was deployed."
    )
