"""Write records at a fixed rate, their ids the time in µs: `BOOTSTRAP TOPIC RECORDS_PER_SECOND`."""

from __future__ import annotations

import sys
import time

from confluent_kafka import Producer

from benchmarks import workload
from benchmarks.peers.stopping import Stopping

_TICK_S = 0.002


def main(bootstrap: str, topic: str, rate: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0.5, "partitioner": "murmur2_random"})
    stopping, start, sent = Stopping(), time.monotonic(), 0
    while not stopping:
        due = int((time.monotonic() - start) * float(rate))
        for _ in range(due - sent):
            value = workload.record(time.time_ns() // 1000)
            producer.produce(topic, value, value[15:23])
        sent = due
        producer.poll(0)
        time.sleep(_TICK_S)
    producer.flush(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
