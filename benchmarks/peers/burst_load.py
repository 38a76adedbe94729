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


async def main(port: str, request_file: str, count: str) -> None:
    request = memoryview(Path(request_file).read_bytes())
    begin = asyncio.Event()
    asking = [asyncio.ensure_future(_ask(int(port), request, begin)) for _ in range(int(count))]
    await asyncio.sleep(1.0)  # they connect
    began = time.perf_counter()
    begin.set()
    outcomes = Counter(await asyncio.gather(*asking))
    print(json.dumps({"outcomes": outcomes, "seconds": time.perf_counter() - began}))


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
    asyncio.run(main(*sys.argv[1:]))
