"""A head is adopted whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from instream.errors import PackageRefused
from instream.head import Head, Revision, check_head
from instream.live.loading import Loading
from instream.live.prepare import Limits, Wanted, prepare
from instream.live.refusal import Postponed, Reason, Refused, translated
from instream.live.rules import Rules
from instream.live.serving import Serving
from instream.package import Version
from instream.stores import Store
from instream.stores.reference import CHAMPION, Reference

_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Adopted:
    """What is to serve from now on, the rules for whatever follows, and the seconds that it took."""

    serving: Serving
    rules: Rules
    seconds: float


class Adopting:
    """Brings heads to the point where one assignment puts them in force. One thread uses it."""

    def __init__(self, store: Store, reference: Reference, limits: Limits, closed: threading.Event) -> None:
        self._store = store
        self._reference = reference
        self._limits = limits
        self._closed = closed
        self._abandoned: Loading[Adopted] | None = None

    def version_in(self, head: Head) -> Version:
        """Which version a head means for this reference. Raises Refused."""
        label = self._reference.label
        if label == CHAMPION:
            return head.champion
        if label not in head.labels:
            raise Refused(Reason.ABSENT, f"head {head.revision} has no label {label!r}; it has {', '.join(head.labels) or 'none'}")
        return head.labels[label]

    def head(self, head: Head, rules: Rules, instead: Serving | None, meanwhile: Callable[[], None]) -> Adopted:
        """Prepare what a head names.

        Args:
            instead: what serves now and goes on if this fails.
            meanwhile: called every now and then while a version loads.
        Raises:
            Refused: this head will not do.
            Postponed: the store did not answer, or this is being closed.
        """
        try:
            check_head(head)
        except PackageRefused as error:
            raise Refused(Reason.UNKNOWN_HEAD, str(error)) from error
        version = self.version_in(head)
        if instead is not None and instead.version == version:
            return Adopted(replace(instead, head=head.revision), rules, 0.0)
        return self.version(version, head.revision, rules, instead, meanwhile)

    def version(self, version: Version, head: Revision, rules: Rules, instead: Serving | None, meanwhile: Callable[[], None]) -> Adopted:
        """The same for a version; `head` is 0 when pinned."""
        if self._abandoned is not None and not self._abandoned.wait(0):
            raise Postponed(f"an earlier load, given up after {self._limits.load_s:g} s, has not ended yet")
        wanted = Wanted(self._reference.name, head, version, rules, self._limits, instead)
        loading = Loading(lambda: self._prepared(wanted))
        while not loading.wait(_TICK_S):
            meanwhile()
            if self._closed.is_set():
                loading.give_up()
                raise Postponed("closed while a version was loaded")
            if loading.seconds > self._limits.load_s:
                loading.give_up()
                self._abandoned = loading
                raise _too_slow(self._limits)
        try:
            adopted = loading.result()
        except Exception as error:  # whatever store, format, feature step and model raise
            raise translated(error) from error
        if loading.seconds > self._limits.load_s:
            raise _too_slow(self._limits)
        return replace(adopted, seconds=loading.seconds)

    def _prepared(self, wanted: Wanted) -> Adopted:
        serving, manifest = prepare(self._store, wanted)
        return Adopted(serving, wanted.rules.after(manifest), 0.0)


def _too_slow(limits: Limits) -> Refused:
    return Refused(
        Reason.SLOW,
        f"fetching, loading and proving it takes longer than strategy.load_s = {limits.load_s:g}: use a lighter model, or raise the limit",
    )
