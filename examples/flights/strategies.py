"""The same flights by two strategies: the model inside the pipeline, and in a server beside it."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.flights.account import Account
from instream.testing.faults.served import Served, served

MB = 1 << 20


@dataclass(frozen=True)
class Measured:
    """One strategy.

    Attributes:
        speed: records a second without a pace.
        pipeline_bytes, server_bytes: peak resident memory of the processes that work, the supervisors left out.
        calls, refused: that the server answered with rows, and that it refused for load.
    """

    account: Account
    speed: float
    pipeline_bytes: int
    server_bytes: int = 0
    calls: int = 0
    refused: int = 0

    @property
    def bytes(self) -> int:
        return self.pipeline_bytes + self.server_bytes


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


def rows_of_strategies(embedded: Measured, remote: Measured) -> list[tuple[str, ...]]:
    """A table with a column for each."""
    both = (embedded, remote)

    def row(name: str, form: str, *figures: float) -> tuple[str, ...]:
        return (name, *(form.format(figure) for figure in figures))

    return [
        ("", "embedded", "remote"),
        row("records in", "{:,}", *(each.account.records_in for each in both)),
        row("records out", "{:,}", *(each.account.records_out for each in both)),
        row("records lost", "{:,}", *(each.account.lost for each in both)),
        row("records duplicated", "{:,}", *(each.account.duplicated for each in both)),
        row("latency p50, ms", "{:.1f}", *(each.account.latency_ms(50) for each in both)),
        row("latency p99, ms", "{:.1f}", *(each.account.latency_ms(99) for each in both)),
        row("a backlog at once, records", "{:,}", *(each.account.backlog for each in both)),
        row("it was scored in, s", "{:.2f}", *(each.account.backlog_s for each in both)),
        row("full speed, records/s", "{:,.0f}", *(each.speed for each in both)),
        row("peak memory of the pipeline, MB", "{:,.0f}", *(each.pipeline_bytes / MB for each in both)),
        row("peak memory of the server, MB", "{:,.0f}", *(each.server_bytes / MB for each in both)),
        row("calls answered", "{:,}", *(each.calls for each in both)),
        row("calls refused", "{:,}", *(each.refused for each in both)),
    ]


def sentence(embedded: Measured, remote: Measured) -> str:
    """What the figures say, and nothing else."""
    here, there = embedded.account.latency_ms(99), remote.account.latency_ms(99)
    less_latency = "embedded" if here <= there else "remote"
    faster = "embedded" if embedded.speed >= remote.speed else "remote"
    smaller = "embedded" if embedded.bytes <= remote.bytes else "remote"
    lost = embedded.account.lost + remote.account.lost
    return (
        f"By what was just measured: {less_latency} for latency (p99 {here:.1f} ms embedded, {there:.1f} ms remote), {faster} for speed "
        f"({embedded.speed:,.0f} and {remote.speed:,.0f} records/s), {smaller} for memory ({embedded.bytes / MB:,.0f} and "
        f"{remote.bytes / MB:,.0f} MB), both lost {lost or 'nothing'} in a backlog of {remote.account.backlog:,}; remote besides, where "
        "several callers share a model, or it must be deployed apart from the pipeline."
    )
