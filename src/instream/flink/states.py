"""The states of a pipeline: checkpoints and savepoints that a run can go on from.

```text
<engine.checkpoints>/<pipeline>/void                        states that are not newer count no more
<engine.checkpoints>/<pipeline>/endless/<job>/chk-7/         of a run without an end
<engine.checkpoints>/<pipeline>/endless/savepoint-…/
<engine.checkpoints>/<pipeline>/bounded/…                   of a run with --until end
<engine.checkpoints>/<pipeline>/bounded/ends.json           the end of each partition, which such a state keeps, too
```
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from instream.errors import SetUpFailed
from instream.flink import files
from instream.secrets import resolve
from instream.settings import Pipeline

Kind = Literal["endless", "bounded"]
KINDS: tuple[Kind, ...] = ("endless", "bounded")


@dataclass(frozen=True, slots=True)
class State:
    """A complete one. `is_savepoint`: the run that wrote it ended in order, and nothing waits to be committed."""

    url: str
    kind: Kind
    is_savepoint: bool
    at_ms: int


class States:
    """Where one pipeline's states are."""

    def __init__(self, settings: Pipeline) -> None:
        given = resolve(settings.engine.checkpoints, settings.folder)
        base = given.rstrip("/") if "://" in given else (settings.folder / given).absolute().as_uri()
        self._url = f"{base}/{settings.name}"

    def folder(self, kind: Kind) -> str:
        return f"{self._url}/{kind}"

    def newest(self) -> State | None:
        """The newest that is complete and counts."""
        after = self._void_ms()
        found = [state for kind in KINDS for state in self._all(kind) if state.at_ms > after]
        return max(found, key=lambda state: state.at_ms, default=None)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Two runs would go on from one state and fence each other: while the block lasts, no other begins on this machine.

        Raises:
            SetUpFailed: another one runs.
        """
        if not self._url.startswith("file:"):
            yield
            return
        folder = Path(unquote(urlsplit(self._url).path))
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "run.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SetUpFailed(
                    f"another run of this pipeline goes on with the states in {folder}: stop it first, or give one of them another name"
                ) from error
            yield

    def tidy(self, older_than_ms: int) -> None:
        """Delete what no run can go on from any more, and nobody has written to since."""
        after = self._void_ms()
        for kind in KINDS:
            for entry in files.entries(self.folder(kind)):
                states = list(_of(entry, kind)) if entry.is_folder else []
                newest_ms = max([entry.at_ms, *(state.at_ms for state in states)])
                if entry.is_folder and newest_ms < older_than_ms and not any(state.at_ms > after for state in states):
                    files.delete(entry.url)

    def void(self) -> None:
        """From here on the positions of the group are in force, and no state that there is now."""
        files.write(f"{self._url}/void", b"")

    def keep_ends(self, ends: Mapping[int, int]) -> None:
        files.write(f"{self.folder('bounded')}/ends.json", msgspec.json.encode(ends))

    def ends(self) -> Mapping[int, int]:
        """What was kept by `keep_ends`."""
        return msgspec.json.decode(files.read(f"{self.folder('bounded')}/ends.json"), type=dict[int, int])

    def _void_ms(self) -> int:
        return files.time_ms(f"{self._url}/void") or 0

    def _all(self, kind: Kind) -> Iterator[State]:
        for entry in files.entries(self.folder(kind)):
            if entry.is_folder:
                yield from _of(entry, kind)


def _of(entry: files.Entry, kind: Kind) -> Iterator[State]:
    """The complete states of one job, or one savepoint."""
    if entry.name.startswith("savepoint-"):
        yield from _complete(entry, kind, is_savepoint=True)
        return
    for inner in files.entries(entry.url):
        if inner.is_folder and inner.name.startswith("chk-"):
            yield from _complete(inner, kind, is_savepoint=False)


def _complete(entry: files.Entry, kind: Kind, *, is_savepoint: bool) -> Iterator[State]:
    """Flink writes `_metadata` last."""
    at_ms = files.time_ms(f"{entry.url.rstrip('/')}/_metadata")
    if at_ms is not None:
        yield State(entry.url, kind, is_savepoint, at_ms)
