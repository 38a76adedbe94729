"""A producer with a steady pace, so that a test lasts as long as its faults take."""

from __future__ import annotations

import threading
import time

from confluent_kafka import Producer

BAD_EVERY = 50


CITIES = tuple(f"c{number}" for number in range(400))

_CITY_RECORDS = 40


def value_of(n: int) -> bytes:
    """Record n; one in fifty is none that can be scored. The city changes slowly, and comes again after all others."""
    if n % BAD_EVERY == 7:
        return b"[%d]" % n
    city = CITIES[n // _CITY_RECORDS % len(CITIES)].encode()
    return b'{"id": %d, "x": %d.0, "city": "%b"}' % (n, n % 1000, city)


class Stream:
    """Writes `rate` records a second from a thread, until `stop`; `with` does both."""

    def __init__(self, bootstrap: str, topic: str, rate: int) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True, "log_level": 0})
        self._topic = topic
        self._rate = rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream {topic}", daemon=True)
        self.count = 0

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when every record is durable."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            assert self._producer.flush(180) == 0

    def _run(self) -> None:
        began_s = time.monotonic()
        while not self._over.wait(0.02):
            due = int((time.monotonic() - began_s) * self._rate)
            while self.count < due:
                self._producer.produce(self._topic, value_of(self.count), key=b"%d" % (self.count % 97))
                self.count += 1
            self._producer.poll(0)
