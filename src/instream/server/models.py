"""The models that a process serves: the champions, and versions that somebody asked for by number or label."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from instream.errors import DeadlineExceeded, NotFound, Overloaded, Unavailable
from instream.flow.deadline import Deadline
from instream.observe import logs
from instream.predictor import Predictor
from instream.server.batcher import Lane, together
from instream.stores import Reference, parse
from instream.wire.columns import one_row

_log = logs.get("server")
_RETRY_S = 0.5

Open = Callable[[str], Predictor]
"""Loads and proves what a reference means, and follows it; see LivePredictor for what it raises."""


class Models:
    """Lanes by what requests call them. The event loop's thread alone touches it; loading has a thread of its own."""

    def __init__(self, opened: Open, names: Sequence[str], versions: int) -> None:
        self._open = opened
        self._names = tuple(names)
        self._versions = versions
        self._lanes: dict[str, Lane] = {}
        self._extra: OrderedDict[str, Lane] = OrderedDict()  # bounded by `versions`; least recently used first
        self._loads: dict[str, asyncio.Future[Lane]] = {}  # bounded by the gate's requests
        self._loading = ThreadPoolExecutor(1, thread_name_prefix="load")

    @property
    def names(self) -> Sequence[str]:
        return self._names

    @property
    def loaded(self) -> bool:
        """Every model that was named can score."""
        return all(name in self._lanes for name in self._names) and all(lane.predictor.ready().ready for lane in self._lanes.values())

    def lanes(self) -> Iterator[Lane]:
        yield from self._lanes.values()
        yield from self._extra.values()

    async def load(self) -> None:
        """The champions. Raises what LivePredictor raises."""
        for name in self._names:
            self._lanes[name] = await self._opened(name)

    def at_hand(self, model: str) -> Lane | None:
        """The lane of what a request named, if it is loaded."""
        return self._lanes.get(model)

    async def lane(self, model: str, deadline: Deadline) -> Lane:
        """The same, loaded if need be.

        Raises:
            SettingsInvalid: `model` is no reference.
            NotFound: it is not served here, or there is no such version or label.
            Overloaded: too many other versions are in use.
            DeadlineExceeded, or whatever loading raises.
        """
        if model in self._lanes:
            return self._lanes[model]
        reference = parse(model)
        if reference.name not in self._names:
            raise NotFound(f"no model {reference.name!r} is served here; there is {', '.join(self._names)}")
        key = _key(reference)
        if key in self._names:
            if key not in self._lanes:
                raise Unavailable(f"{key} is still being loaded", _RETRY_S)
            return self._lanes[key]
        if key in self._extra:
            self._extra.move_to_end(key)
            return self._extra[key]
        return await self._asked_for(key, deadline)

    def close(self) -> None:
        for lane in self.lanes():
            lane.predictor.close()
        self._loading.shutdown(wait=False, cancel_futures=True)

    async def _asked_for(self, key: str, deadline: Deadline) -> Lane:
        """One load for all who ask meanwhile; it goes on when they give up."""
        if key not in self._loads:
            self._loads[key] = asyncio.ensure_future(self._extra_lane(key))
            self._loads[key].add_done_callback(lambda done: self._forget(key, done))
        try:
            return await asyncio.wait_for(asyncio.shield(self._loads[key]), max(0.0, deadline.left_s()))
        except TimeoutError as error:
            raise DeadlineExceeded(f"{key} is still being loaded", _RETRY_S) from error

    async def _extra_lane(self, key: str) -> Lane:
        self._make_room()
        lane = await self._opened(key)
        self._extra[key] = lane
        return lane

    def _make_room(self) -> None:
        while len(self._extra) >= self._versions:
            idle = next((key for key, lane in self._extra.items() if lane.idle), None)
            if idle is None:
                raise Overloaded(f"{len(self._extra)} versions besides the champions are in use, the most that are kept", _RETRY_S)
            _log.info("version retired", model=idle)
            self._loading.submit(self._extra.pop(idle).predictor.close)

    def _forget(self, key: str, done: asyncio.Future[Lane]) -> None:
        del self._loads[key]
        if not done.cancelled():
            done.exception()  # whoever waited has it; without anybody, it is not to be logged as never retrieved

    async def _opened(self, key: str) -> Lane:
        return await asyncio.get_running_loop().run_in_executor(self._loading, self._warm_lane, key)

    def _warm_lane(self, key: str) -> Lane:
        """Loaded, and every step of an answer gone through once: what is slow the first time, such as an import, is over."""
        lane = Lane(parse(key).name, self._open(key))
        together(lane, [one_row(lane.inputs)])[0].whole.outputs  # noqa: B018
        return lane


def _key(reference: Reference) -> str:
    """One name for one thing: `delay@champion` is `delay`."""
    if reference.version is not None:
        return f"{reference.name}@{reference.version}"
    return reference.name if reference.label == "champion" else f"{reference.name}@{reference.label}"
