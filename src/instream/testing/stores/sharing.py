"""Several real processes at one store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from instream.flow.points import VARIABLE
from instream.package import Package, Version
from instream.stores import Store
from instream.stores.backend import scan
from instream.stores.chunks import CHUNK_BYTES
from instream.stores.copies import UPLOADS
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import TWO_DAYS_S, StoreFixtures

_LONGEST_S = 120


def started(command: str, url: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A process that uses the store; it waits, ready, until a line comes."""
    line = [sys.executable, "-m", "instream.testing.store_process", command, url, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=os.environ | environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def released(processes: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    """Let all go at once when all are ready; what each printed at its end."""
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=_LONGEST_S) for process in processes]
    finally:
        for process in processes:
            process.kill()  # those that have not ended
    for process, (_, errors) in zip(processes, ends, strict=True):
        assert process.returncode == 0, errors
    return [json.loads(output) for output, _ in ends]


class SharingLaws(StoreFixtures):
    """What a store keeps that several processes may open."""

    @pytest.mark.slow
    def test_twenty_processes_promote(self, store: Store, url: str, package: Package) -> None:
        """Law 5: twenty processes with one newest head: one winner a revision, no gap, and each learns what it won."""
        store.put(package)
        ends = released([started("promote", url, "delay", 3) for _ in range(20)])
        won = {revision: identity for end in ends for revision, identity in end["won"]}
        assert sorted(won) == list(range(2, 62))
        assert {head.revision: head.id for head in store.heads("delay", len(won))} == won
        assert sum(end["lost"] for end in ends) >= 19  # all twenty began with the same head

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(6))
    def test_a_killed_publisher(self, store: Store, url: str, clock: MovedClock, tmp_path: Path, seed: int) -> None:
        """Law 5: `kill -9` in the middle of a publish leaves no half package; what it left is collected a day later."""
        store.put(tiny_package(tmp_path, weight=7.0))
        chunks = 12
        nth = Random(seed).randint(1, chunks + 6)  # upload, the model's chunks, two small files, manifest, copy, number
        process = started("publish", url, "delay", 1, (chunks - 1) * CHUNK_BYTES, **{VARIABLE: f"publishing:{nth}"})
        try:
            _, errors = process.communicate("go\n", timeout=_LONGEST_S)
        finally:
            process.kill()
        assert (process.returncode, "killed at publishing" in errors) == (-9, True), (nth, errors)
        for version in store.versions("delay"):
            store.open("delay", version).verify()
        [end] = released([started("publish", url, "delay", 1, (chunks - 1) * CHUNK_BYTES)])
        assert list(end) == ["2"], nth
        assert store.versions("delay") == (1, 2)
        assert store.open("delay", Version(2)).manifest.digest == end["2"]
        clock.move(TWO_DAYS_S)
        store.collect()
        assert len(list(scan(store.backend, UPLOADS))) == 2, nth

    @pytest.mark.slow
    def test_readers_while_one_publishes(self, store: Store, url: str, tmp_path: Path) -> None:
        """Laws 5, 6: readers in other processes see each version whole, and miss none, while one publishes."""
        store.put(tiny_package(tmp_path, "other"))
        publisher = started("publish", url, "delay", 5, 8 * CHUNK_BYTES)
        readers = [started("read", url, "delay", 5) for _ in range(4)]
        published, *seen = released([publisher, *readers])
        assert len(published) == 5
        assert seen == [published] * 4
