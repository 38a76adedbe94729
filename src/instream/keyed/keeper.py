"""The one thread that reads parameters: those that a batch waits for, and those that changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import Protocol

from instream.errors import Closed, Unavailable
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.keyed.cache import TURN, Cache, Source
from instream.keyed.slots import Full
from instream.observe import logs, metrics

_RETRY_S = 0.25
_FULL_S = 0.005
_LOOK_S = 0.5
_WAIT_S_MAX = 30.0

_log = logs.get("keyed")


class Moved(Protocol):
    """Texts of keys that were written; `reset` when all must be looked at again, `more` when there are others to tell."""

    @property
    def cursor(self) -> str: ...
    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def reset(self) -> bool: ...
    @property
    def more(self) -> bool: ...


class Fed(Source, Protocol):
    """A source that tells what was written. Raises StoreError."""

    @property
    def poll_s(self) -> float: ...
    def now_us(self) -> int: ...
    def mark(self) -> object: ...
    def cursor(self) -> str: ...
    def changes(self, since: str) -> Moved: ...


class Keeper:
    """Keeps a cache fresh, and fills it on request: one read for all who wait for a key."""

    def __init__(self, cache: Cache, source: Fed, label: str = "", clock: Clock = SYSTEM) -> None:
        """`label`: for messages and figures, `delay@3`."""
        self._cache = cache
        self._label = label
        self._age = metrics.PARAMETERS_AGE.labels(label.partition("@")[0])
        self._keys = metrics.PARAMETERS_KEYS.labels(label.partition("@")[0])
        self._source = source
        self._clock = clock
        self._cursor: str | None = None
        self._fresh_ns = self._looked_ns = clock.monotonic_ns()
        self._due_ns = 0
        self._mark = object()
        self._wanted: dict[Hashable, None] = {}  # in the order of asking; bounded by the batches that wait
        self._changed: dict[Hashable, None] = {}  # bounded by the cache
        self._turns = 0
        self._fault: Exception | None = None
        self._closed = threading.Event()
        self._state = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="parameters", daemon=True)

    def fill(self, keys: Sequence[Hashable] = ()) -> None:
        """Note where the store is, then read these keys. Raises StoreError."""
        self._fresh_ns = self._looked_ns = self._clock.monotonic_ns()
        self._cursor = self._source.cursor()
        for at in range(0, min(len(keys), self._cache.slots.count), TURN):
            self._cache.load(keys[at : at + TURN])

    def start(self) -> None:
        """Follow the store, after `fill`."""
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        with self._state:
            self._state.notify_all()

    @property
    def age_ms(self) -> int:
        """How long ago what is here was certainly what the store had."""
        return max(0, (self._clock.monotonic_ns() - self._fresh_ns) // 1_000_000)

    def want(self, keys: Sequence[Hashable], deadline: Deadline | None) -> None:
        """Return when the store was asked about these keys.

        Raises:
            Unavailable: it did not answer, or not before the deadline.
            Closed: while waiting.
        """
        with self._state:
            self._wanted |= dict.fromkeys(keys)
            self._state.notify_all()
            try:
                self._wait(lambda: all(key not in self._wanted for key in keys), self._turns, self._end(deadline))
            except BaseException:
                for key in keys:  # nobody may come again for them; others who do will want them anew
                    self._wanted.pop(key, None)
                raise

    def _end(self, deadline: Deadline | None) -> Deadline:
        return deadline or Deadline(self._clock.monotonic_ns() + int(_WAIT_S_MAX * 1e9))

    def _wait(self, done: Callable[[], bool], turn: int, end: Deadline) -> None:
        while not done():
            if self._closed.is_set():
                raise Closed("the predictor was closed")
            if self._fault is not None and self._turns > turn:
                raise Unavailable(f"parameters cannot be read: {self._fault}", _RETRY_S)
            if (left_s := end.left_s(self._clock)) <= 0:
                raise Unavailable("parameters were not read in time; is the database well?", _RETRY_S)
            self._state.wait(min(left_s, 1.0))

    def _run(self) -> None:
        while not self._closed.is_set():
            fault: Exception | None = None
            try:
                if keys := self._next():
                    self._cache.load(keys)
                    self._loaded(keys)  # before the next look, which may name them again
                self._look()
            except Full:  # batches read every slot; they end by themselves
                self._clock.wait(self._closed, _FULL_S)
            except Exception as error:  # the store's, or a bug: neither may end this thread; who waits is told, and offers again
                fault = error
            self._settle(fault)
            if fault is not None:
                self._clock.wait(self._closed, _RETRY_S)

    def _look(self) -> None:
        """Ask what was written, every `poll_s`; what is here of it is read again.

        Where the mark says that nothing was, only now and then: it may be late, and the age is to be true.
        """
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._due_ns:
            return
        mark = self._source.mark()
        if mark != self._mark or now_ns >= self._looked_ns + _LOOK_S * 1e9:
            self._mark = object() if self._take().keys else mark  # there may be more
            self._looked_ns = now_ns
        self._due_ns = now_ns + int(self._source.poll_s * 1e9)

    def _take(self) -> Moved:
        """Note what was written since the last time."""
        assert self._cursor is not None
        moved = self._source.changes(self._cursor)
        slots, columns = self._cache.slots, self._cache.columns
        if moved.reset:
            slots.forget_absent()
            self._changed |= dict.fromkeys(slots.newest_used(slots.count))
        else:
            told = [key for text in moved.keys if (key := columns.read(text)) is not None]
            self._changed |= dict.fromkeys(key for key in told if slots.known(key) >= 0)
        self._cursor = moved.cursor
        return moved

    def _next(self) -> list[Hashable]:
        """Up to a turn of keys: first those that somebody waits for."""
        with self._state:
            if self._idle():
                self._state.wait(self._source.poll_s)
            return list(islice(self._wanted, TURN)) or list(islice(self._changed, TURN))

    def _idle(self) -> bool:
        return not (self._wanted or self._changed or self._closed.is_set())

    def _loaded(self, keys: Sequence[Hashable]) -> None:
        with self._state:
            for key in keys:
                self._wanted.pop(key, None)
                self._changed.pop(key, None)
            self._state.notify_all()

    def _settle(self, fault: Exception | None) -> None:
        with self._state:
            if fault is not None and self._fault is None:
                _log.warning("parameters cannot be read, those here go on", model=self._label, error=f"{type(fault).__name__}: {fault}")
            elif fault is None and self._fault is not None:
                _log.info("parameters can be read again", model=self._label)
            self._fault = fault
            if fault is None and not self._changed:
                self._settled()
            self._turns += 1
            self._state.notify_all()
        self._age.set(self.age_ms / 1000)
        self._keys.set(len(self._cache.slots))

    def _settled(self) -> None:
        """Everything that was told is here."""
        self._fresh_ns = self._looked_ns
