"""Processes that use one store at once: `python -m instream.testing.store_process promote|publish|read|write URL …`."""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from instream.errors import Conflict
from instream.head import Head
from instream.package import Version
from instream.stores import Store, open_store
from instream.testing.packages import tiny_package


def wait_for_start() -> None:
    """Say that all is prepared, and wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


def promote(store: Store, name: str, rounds: str) -> None:
    """Win as many revisions as rounds; prints those won and how often another was faster."""
    me, head, won, lost = uuid.uuid4().hex, store.head(name), list[tuple[int, str]](), 0
    wait_for_start()
    while len(won) < int(rounds):
        mine: Head = head.next(champion=head.champion, by=me, at_ms=0)
        try:
            won.append((store.append_head(mine).revision, mine.id))
        except Conflict:
            lost += 1
        head = store.head(name)
    print(json.dumps({"won": won, "lost": lost}))


def publish(store: Store, name: str, count: str, padding: str) -> None:
    """Publish so many versions, each padded; prints their digests by number."""
    with tempfile.TemporaryDirectory() as folder:
        packages = [tiny_package(Path(folder), name, weight=float(each), padding=b"x" * int(padding)) for each in range(int(count))]
        wait_for_start()
        print(json.dumps({store.put(package): package.manifest.digest for package in packages}))


def read(store: Store, name: str, until: str) -> None:
    """Follow the feed and open each version as soon as it shows, up to this number; prints their digests by number."""
    seen: dict[int, str] = {}
    cursor = store.cursor([name])
    wait_for_start()
    while True:
        for version in store.versions(name):
            if version not in seen:
                package = store.open(name, Version(version))
                package.verify()
                seen[version] = package.manifest.digest
        if len(seen) == int(until):
            return print(json.dumps(seen))
        cursor = store.changes(cursor, [name], timeout_s=30.0).cursor


def write(store: Store, digest: str, *texts: str) -> None:
    """Give keys of a package parameters, each its own text; prints their revisions."""
    parameters = store.parameters_of(digest)
    wait_for_start()
    print(json.dumps(dict(parameters.write({text: text.encode() for text in texts}))))


if __name__ == "__main__":
    command, url, *arguments = sys.argv[1:]
    commands: dict[str, Callable[..., None]] = {"promote": promote, "publish": publish, "read": read, "write": write}
    commands[command](open_store(url), *arguments)
