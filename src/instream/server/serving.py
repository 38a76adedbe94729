"""The life of one server process: listen, load, serve, linger, answer what was taken on, end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from instream.errors import Unavailable
from instream.process.messages import Report
from instream.server.ages import Ages
from instream.server.batcher import Batcher
from instream.server.body import Bodies
from instream.server.counting import Counting
from instream.server.gate import Gate
from instream.server.models import Models, Open
from instream.server.rest import Rest
from instream.server.rpc import Rpc
from instream.server.service import Service
from instream.server.settings import Server
from instream.server.transports import Grpc, Http

_TELL_S = 0.5
_TURN_S = 0.02


class Serving:
    """Runs under the supervisor as a worker does. `drain` and `report` may be called from any thread."""

    def __init__(
        self, settings: Server, opened: Open, metrics: Callable[[], tuple[bytes, str]], runner: Callable[[], asyncio.Runner]
    ) -> None:
        self._settings = settings
        self._open = opened
        self._metrics = metrics
        self._runner = runner
        self._asked = threading.Event()
        self._wake: Callable[[], None] = lambda: None
        self._within_s: float | None = None
        self._report = Report()

    def run(self) -> str:
        """Until `drain`; why it ended, in words. Raises what loading a model raises."""
        try:
            with self._runner() as runner:
                return runner.run(self._main())
        finally:
            self._wake = lambda: None  # the loop is closed

    def drain(self, within_s: float | None = None) -> None:
        """Take no more, answer what was taken on, end; within the grace period by default."""
        self._within_s = within_s
        self._asked.set()
        self._wake()

    def report(self) -> Report:
        return self._report

    async def _main(self) -> str:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(_set, loop, asked)
        if self._asked.is_set():
            return "asked to end before it began"
        settings, counting = self._settings, Counting()
        bodies = Bodies(settings.limits)
        service = Service(
            Models(self._open, settings.models, settings.limits.versions),
            Batcher(settings.limits, settings.threads),
            Gate(settings.limits),
            settings.limits,
        )
        http = (
            Http(Rest(service, bodies, Ages(settings.age_s), counting, self._metrics), settings) if settings.listener is not None else None
        )
        rpc = Grpc(Rpc(service, bodies, counting), settings) if settings.grpc is not None else None
        if rpc is not None:
            await rpc.start()
        telling = asyncio.ensure_future(self._tell(service, bodies, counting))
        try:
            loading, ending = asyncio.ensure_future(service.models.load()), asyncio.ensure_future(asked.wait())
            await asyncio.wait({loading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
                await ending
            loading.cancel()
            return await self._end(service, http, rpc)
        finally:
            telling.cancel()
            self._now(service, counting)
            service.close()
            await _stop(http, rpc, 0.0)

    async def _end(self, service: Service, http: Http | None, rpc: Grpc | None) -> str:
        service.draining = True
        grace_s = self._settings.grace_s if self._within_s is None else self._within_s
        await asyncio.sleep(min(self._settings.linger_s, grace_s))
        try:
            await asyncio.wait_for(_stop(http, rpc, grace_s), grace_s)
            while service.gate.requests:
                await asyncio.sleep(_TURN_S)
        except TimeoutError as error:
            raise Unavailable(f"{service.gate.requests} requests were not answered within the grace period of {grace_s:g} s") from error
        return "asked to end"

    async def _tell(self, service: Service, bodies: Bodies, counting: Counting) -> None:
        while True:
            bodies.sweep()
            self._now(service, counting)
            await asyncio.sleep(_TELL_S)

    def _now(self, service: Service, counting: Counting) -> None:
        counting.tell(service.batcher, service.gate)
        lanes = list(service.models.lanes())
        ready = [lane.predictor.ready() for lane in lanes]
        self._report = Report(
            ready=service.ready,
            records_in=service.batcher.rows,
            records_out=service.batcher.rows,
            dead_letters=0,
            head=max((each.head for each in ready), default=0),
            versions=tuple(version for each in ready for version in each.versions),
            refused="; ".join(each.refused for each in ready if each.refused),
        )


async def _stop(http: Http | None, rpc: Grpc | None, grace_s: float) -> None:
    stops = [http.stop()] if http else []
    stops += [rpc.stop(grace_s)] if rpc else []
    await asyncio.gather(*stops)


def _set(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)
