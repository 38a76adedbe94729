"""HTTP requests at a steady rate, whether or not the server keeps up: an open loop, as the world offers its load."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import uvloop

_CONNECTIONS_MAX = 900


@dataclass(slots=True)
class Offered:
    """What became of the requests.

    Attributes:
        statuses: how many had each HTTP status; 0 where the connection failed.
        seconds: of each that was answered with 200, from the time when it was due.
        refusal_seconds: of each that was answered with 429 or 503.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    refusal_seconds: list[float] = field(default_factory=list)

    def on_time(self, deadline_s: float) -> int:
        """How many were answered before their deadline."""
        return sum(each <= deadline_s for each in self.seconds)


def request(path: str, body: bytes, **headers: str) -> bytes:
    """An HTTP/1.1 request."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"POST {path} HTTP/1.1\r\nhost: load\r\ncontent-length: {len(body)}\r\n{''.join(lines)}\r\n".encode() + body


def offer(address: str, content: bytes, *, rate: float, seconds: float) -> Offered:
    """Send a request so often a second; one that finds no free connection among 900 counts as failed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_offer(address, content, rate, seconds))


async def _offer(address: str, content: bytes, rate: float, seconds: float) -> Offered:
    host, _, port = address.rpartition(":")
    offered, free, open_now = Offered(), list[tuple[asyncio.StreamReader, asyncio.StreamWriter]](), 0

    async def one(due: float) -> None:
        nonlocal open_now
        if not free and open_now >= _CONNECTIONS_MAX:
            offered.statuses[0] += 1
            return
        status, connection = 0, free.pop() if free else None
        try:
            if connection is None:
                open_now += 1
                connection = await asyncio.open_connection(host, int(port))
            status, keep = await _exchange(*connection, content)
            if keep:
                free.append(connection)
            else:
                open_now -= 1
                connection[1].close()
        except (OSError, asyncio.IncompleteReadError):
            open_now -= 1
        took = time.perf_counter() - due
        offered.statuses[status] += 1
        if status == 200:
            offered.seconds.append(took)
        elif status in (429, 503):
            offered.refusal_seconds.append(took)

    began, tasks = time.perf_counter(), set[asyncio.Task[None]]()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.add(task := asyncio.ensure_future(one(due)))
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    for _, writer in free:
        writer.close()
    return offered


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> tuple[int, bool]:
    """Status, and whether the connection may be used again."""
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    await reader.readexactly(length)
    return int(head[9:12]), b"connection: close" not in head
