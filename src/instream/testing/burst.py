"""Many requests at once, each on a connection of its own: `PORT REQUEST_FILE COUNT`; prints one line of JSON.

All connections are made first, then all write at the same time. The request file has the bytes that go out, head and body.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

_PIECE = 64 << 10  # written at once; what the kernel does not take waits on this side
_PATIENCE_S = 120.0


async def at_once(port: int, request: bytes, count: int) -> tuple[Counter[str], float]:
    """What became of the requests, by status or name of the error; and the seconds until the last was answered."""
    begin = asyncio.Event()
    asking = [asyncio.ensure_future(_ask(port, memoryview(request), begin)) for _ in range(count)]
    await asyncio.sleep(1.0)  # they connect
    began = time.perf_counter()
    begin.set()
    outcomes = Counter(await asyncio.gather(*asking))
    return outcomes, time.perf_counter() - began


async def _ask(port: int, request: memoryview, begin: asyncio.Event) -> str:
    """The status of the answer, or what came instead of one."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await begin.wait()
            writing = asyncio.ensure_future(_write(writer, request))
            try:
                return await _status(reader)
            finally:
                writing.cancel()
                writer.close()
    except TimeoutError:
        return "timeout"
    except (OSError, asyncio.IncompleteReadError) as error:
        return type(error).__name__


async def _write(writer: asyncio.StreamWriter, request: memoryview) -> None:
    try:
        for start in range(0, len(request), _PIECE):
            writer.write(request[start : start + _PIECE])
            await writer.drain()
    except OSError:
        return  # refused before all was sent: the answer, if there is one, says so


async def _status(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    await reader.readexactly(length)
    return lines[0].split()[1]


if __name__ == "__main__":
    outcomes, seconds = asyncio.run(at_once(int(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
    print(json.dumps({"outcomes": outcomes, "seconds": seconds}))
