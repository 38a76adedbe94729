"""Closed-loop gRPC load: `TARGET CALL BODY_FILE CONNECTIONS SECONDS [KEY=VALUE ...]`; prints one line of JSON.

Each connection has one call under way: when it is answered, the next one goes out. Bodies are made beforehand and answers
are not parsed, so that little of the machine goes to this side.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import uvloop

_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
"""A connection for each channel: by default those with one target share one."""


async def main(target: str, call: str, body_file: str, connections: str, seconds: str, *metadata: str) -> None:
    body = Path(body_file).read_bytes()
    said = tuple(tuple(each.split("=", 1)) for each in metadata)
    channels = [grpc.aio.insecure_channel(target, _OPTIONS) for _ in range(int(connections))]
    await asyncio.gather(*(channel.channel_ready() for channel in channels))
    gc.freeze()
    gc.set_threshold(100_000)
    begin = time.perf_counter()
    end = begin + float(seconds)
    waits = await asyncio.gather(*(_calls(channel.unary_unary(call), body, said, end) for channel in channels))
    took = time.perf_counter() - begin
    p50, p99 = (1e3 * np.percentile(np.concatenate(waits), (50, 99))).tolist()
    print(json.dumps({"answered": sum(map(len, waits)), "seconds": took, "p50_ms": p50, "p99_ms": p99, "failed": 0}))
    await asyncio.gather(*(channel.close() for channel in channels))


async def _calls(call: Any, body: bytes, metadata: Any, end: float) -> list[float]:
    """Seconds that each call took; one that fails ends the run with its error."""
    waits = []
    began = time.perf_counter()
    while began < end:
        await call(body, metadata=metadata, timeout=30)
        now = time.perf_counter()
        waits.append(now - began)
        began = now
    return waits


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
