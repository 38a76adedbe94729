"""Moving the champion: forward, back, and waiting until the workers follow."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import msgspec

from instream.errors import NotFound
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import deadline_in
from instream.head import Head
from instream.package import Version
from instream.report import Report
from instream.stores.store import Store

_LOOK_S = 0.1


def promote(store: Store, name: str, version: Version, *, by: str, note: str = "", clock: Clock = SYSTEM) -> Head:
    """Make a version the champion; nothing is written where it is that already.

    Raises:
        NotFound: no such model or version.
        Conflict: somebody promoted at the same moment; look at what is in force now, then decide again.
    """
    store.entry(name, version)
    head = store.head(name)
    if head.champion == version:
        return head
    return store.append_head(head.next(champion=version, by=by, at_ms=clock.wall_ms(), note=note))


def rollback(store: Store, name: str, *, by: str, clock: Clock = SYSTEM) -> Head:
    """Put the champion before this one in force again, by a new head; each further rollback goes one champion back.

    Raises:
        NotFound: no model, or no earlier champion among the kept heads.
        Conflict: somebody promoted at the same moment.
    """
    head = store.head(name)
    champions = path_of(reversed(store.heads(name, head.revision)))
    if len(champions) < 2:
        raise NotFound(f"{name}: no champion before {head.champion} is known; `instream promote {name} VERSION` names one")
    note = f"rollback of {head.champion}"
    return store.append_head(head.next(champion=champions[-2], by=by, at_ms=clock.wall_ms(), note=note))


def path_of(heads: Iterable[Head]) -> list[Version]:
    """The champions that led to the present one, without those that were taken back.

    Args:
        heads: the oldest first. A head that returns to the champion before counts as a rollback.
    """
    path: list[Version] = []
    for head in heads:
        if path[-2:-1] == [head.champion]:
            path.pop()
        elif path[-1:] != [head.champion]:
            path.append(head.champion)
    return path


class Adoption(msgspec.Struct, frozen=True):
    """Live workers that follow the head, by what they did with it. Pinned ones follow none."""

    adopted: tuple[Report, ...]
    waiting: tuple[Report, ...]
    refused: tuple[Report, ...]


def adoption(store: Store, head: Head) -> Adoption:
    """What the workers report now about a head, or one that came after it."""
    adopted, waiting, refused = list[Report](), list[Report](), list[Report]()
    for report in store.reports(head.name):
        if report.pinned:
            continue
        if report.revision >= head.revision:
            adopted.append(report)
        elif report.refused >= head.revision:
            refused.append(report)
        else:
            waiting.append(report)
    return Adoption(tuple(adopted), tuple(waiting), tuple(refused))


def adopted_within(store: Store, head: Head, timeout_s: float, clock: Clock = SYSTEM) -> Adoption:
    """Wait until every live worker has adopted or refused a head, at most so long."""
    deadline = deadline_in(timeout_s, clock)
    while True:
        found = adoption(store, head)
        if not found.waiting or deadline.expired(clock):
            return found
        clock.wait(threading.Event(), _LOOK_S)
