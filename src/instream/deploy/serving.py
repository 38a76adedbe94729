"""Settings to one process of a model server."""

from __future__ import annotations

import asyncio
import os

import uvloop
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from instream.connectors import member_of
from instream.keyed import KeyedLimits
from instream.live import Limits, LivePredictor
from instream.predictor import Predictor
from instream.process.messages import Start
from instream.server.models import Open
from instream.server.serving import Serving
from instream.server.settings import METRICS_FOLDER, NAME, Server
from instream.stores import Store, open_store, parse, resolve


def serving_of(settings: Server, start: Start) -> Serving:
    """One process of a server, ready to run."""
    return Serving(settings, opening(settings, open_store(settings.store, create=False), start.slot), exposed, runner)


def opening(settings: Server, store: Store, slot: int) -> Open:
    """How a process loads a model, by reference.

    It raises NotFound for a version or label that is not there, and what LivePredictor raises.
    """

    def opened(model: str) -> Predictor:
        if parse(model).name != model:
            resolve(store, model)
        return LivePredictor(
            store,
            model,
            pipeline=NAME,
            worker=".".join([member_of(NAME, slot), *model.split("@")[1:]]),  # two versions in a process report under two names
            features="package" if settings.trust_features else None,
            limits=Limits(settings.memory, settings.load_s, settings.golden_s, KeyedLimits(settings.cache)),
            poll_s=settings.poll_ms / 1000,
        )

    return opened


def exposed() -> tuple[bytes, str]:
    """The figures of all processes of this server."""
    registry = REGISTRY
    if folder := os.environ.get(METRICS_FOLDER):
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def runner() -> asyncio.Runner:
    """An event loop for one process."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
