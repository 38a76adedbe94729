"""The thread that keeps a predictor on the newest head that will do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

from instream.errors import NotFound, PackageRefused, StoreError, Unavailable
from instream.flow.backoff import backoff
from instream.flow.clock import SYSTEM, Clock
from instream.head import Head, Revision
from instream.live.adopt import Adopted, Adopting
from instream.live.hot import HotKeys
from instream.live.memory import give_back
from instream.live.refusal import Postponed, Refused
from instream.live.rules import Rules
from instream.live.serving import Serving
from instream.live.telling import Telling
from instream.live.watch import HeadWatch
from instream.observe import logs
from instream.package import Version
from instream.stores import Store
from instream.stores.reference import Reference

START_S = 30.0
"""How long a start waits for a store that is away."""

HEADS_TRIED = 8
"""When the newest head will not do at the start, so many before it are tried: a restart does no more harm than a refusal."""

_log = logs.get("live")


class Follower:
    """Makes the first snapshot in `start`, later ones on its own thread, each handed over by `swap`."""

    def __init__(
        self,
        store: Store,
        reference: Reference,
        *,
        adopting: Adopting,
        watch: HeadWatch,
        telling: Telling,
        hot: HotKeys,
        swap: Callable[[Serving], None],
        closed: threading.Event,
        clock: Clock = SYSTEM,
    ) -> None:
        self._store = store
        self._reference = reference
        self._adopting = adopting
        self._watch = watch
        self._telling = telling
        self._hot = hot
        self._serving: Serving | None = None
        self._swap = swap
        self._closed = closed
        self._clock = clock
        self._random = Random()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def start(self, rules: Rules) -> None:
        """Adopt a first version, then follow.

        Raises:
            PackageRefused: no head, or not the pinned version, can be adopted; with the reasons.
            NotFound: the store has no such model.
            Unavailable: the store is away.
        """
        told = False
        waits, end_ns = backoff(0.2, 2.0, self._random), self._clock.monotonic_ns() + int(START_S * 1e9)
        while True:
            try:
                adopted = self._pinned(rules) if self._reference.pinned else self._newest_that_will_do(rules)
                break
            except NotFound:
                raise
            except (StoreError, OSError) as error:
                if not told:
                    told = True
                    _log.warning("waiting for the store", model=self._reference.name, error=f"{type(error).__name__}: {error}")
                if self._clock.monotonic_ns() > end_ns or self._clock.wait(self._closed, next(waits)):
                    raise Unavailable(f"{self._reference.name} cannot be loaded: {error}; is the store there?") from error
        self._take_over(adopted)
        self._telling.repeat()
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """After `closed` was set."""
        self._thread.join(timeout_s)
        if self._serving is not None:
            self._hot.keep(self._serving.model)
        self._telling.withdraw()

    def _pinned(self, rules: Rules) -> Adopted:
        version = self._reference.version
        assert version is not None
        try:
            return self._adopting.version(version, Revision(0), rules, None, self._telling.repeat)
        except Refused as refusal:
            self._telling.refused(Revision(0), version, refusal, None)
            raise PackageRefused(f"{self._reference.name}@{version} cannot be used: {refusal}") from refusal

    def _newest_that_will_do(self, rules: Rules) -> Adopted:
        self._watch.begin()
        heads = self._store.heads(self._reference.name, HEADS_TRIED) or (self._store.head(self._reference.name),)
        refusals = []
        tried = set[Version]()
        for head in heads:
            version = self._version_for_people(head)
            if version in tried:
                continue
            tried.add(version)
            try:
                return self._adopting.head(head, rules, None, self._telling.repeat)
            except Refused as refusal:
                self._telling.refused(head.revision, version, refusal, None)
                refusals.append(f"head {head.revision}, {head.name}@{version}: {refusal}")
        raise PackageRefused(f"no head of {self._reference.name} can be adopted:\n  " + "\n  ".join(refusals))

    def _take_over(self, adopted: Adopted) -> None:
        if self._serving is None or adopted.serving.model is not self._serving.model:
            adopted.serving.model.start()
        self._serving, self._rules = adopted.serving, adopted.rules
        self._swap(adopted.serving)
        self._telling.adopted(adopted.serving, adopted.seconds)
        give_back()  # what the retired version held

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._turn()
            except Exception as error:  # a bug here must not end the following silently, nor lose a head, nor stop what serves
                _log.exception("following failed, what serves goes on", model=self._reference.name)
                self._watch.again(error)

    def _turn(self) -> None:
        assert self._serving is not None
        self._telling.repeat()
        self._hot.repeat(self._serving.model)
        if self._reference.pinned:
            self._clock.wait(self._closed, 1.0)
            return
        head = self._watch.next()
        if head is None or head.revision == self._serving.head:
            return
        try:
            self._take_over(self._adopting.head(head, self._rules, self._serving, self._telling.repeat))
        except Refused as refusal:
            self._telling.refused(head.revision, self._version_for_people(head), refusal, self._serving)
        except Postponed as error:
            self._watch.again(error)

    def _version_for_people(self, head: Head) -> Version:
        try:
            return self._adopting.version_in(head)
        except Refused:
            return head.champion
