"""By which parameters of keys a micro-batch is scored: those that were in force a little while before it began."""

from __future__ import annotations

from collections.abc import Callable

from instream.secrets import resolve
from instream.settings import Pipeline
from instream.stores import open_store

SETTLED_S = 2.0
"""Longer than a write takes from getting its revision to being in the store's feed: what comes into force by then is known."""

_NO_PACKAGE = "the clock is the same for all"


def moment_of(settings: Pipeline) -> Callable[[], int | None]:
    """A function that gives the moment for a batch that begins now, µs of the store's clock; None where no parameters are read here.

    It raises StoreError where the store does not answer. Raises what `open_store` raises.
    """
    if settings.strategy.kind != "database":
        return lambda: None
    store = open_store(resolve(settings.model.store, settings.folder), folder=settings.folder, create=False)
    parameters = store.parameters_of(_NO_PACKAGE)
    return lambda: parameters.now_us() - int(SETTLED_S * 1e6)
