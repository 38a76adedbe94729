"""Says now and then which keys a worker uses, for those who start after it."""

from __future__ import annotations

from collections.abc import Sequence

from instream.errors import StoreError
from instream.flow.clock import SYSTEM, Clock
from instream.live.serving import Model
from instream.observe import logs
from instream.stores import Store

_EVERY_S = 60.0
_FIRST_S = 5.0

_log = logs.get("live")


class HotKeys:
    """One worker and one model. Only its follower's thread calls it."""

    def __init__(self, store: Store, name: str, worker: str, clock: Clock = SYSTEM) -> None:
        self._store = store
        self._name = name
        self._worker = worker
        self._clock = clock
        self._due_ns = clock.monotonic_ns() + int(_FIRST_S * 1e9)
        self._kept: Sequence[str] = ()

    def repeat(self, model: Model) -> None:
        """Keep them if it is due. A store that is away loses nothing but this."""
        if self._clock.monotonic_ns() >= self._due_ns:
            self.keep(model)

    def keep(self, model: Model) -> None:
        """Keep them now, if they are others than last time."""
        self._due_ns = self._clock.monotonic_ns() + int(_EVERY_S * 1e9)
        keys = model.hot()
        if set(keys) == set(self._kept):
            return
        try:
            self._store.keep_hot_keys(self._name, self._worker, keys)
            self._kept = keys
        except (StoreError, OSError) as error:
            _log.debug("hot keys not kept", model=self._name, error=str(error))
