"""Settings to a remote predictor, with its fallback."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from instream.errors import SettingsInvalid, Unavailable
from instream.flow.limit import AdaptiveLimit
from instream.predictor import Predictor
from instream.secrets import resolve
from instream.settings import Pipeline
from instream.stores import parse
from instream.strategies.remote.endpoint import Endpoint
from instream.strategies.remote.fallback import DefaultPredictor, NoPredictor, WithFallback
from instream.strategies.remote.predictor import Patience, RemotePredictor
from instream.strategies.remote.transport import open_transport

START_S = 30.0
"""How long a start waits for a server."""

_AGAIN_S = 0.5


def remote(pipeline: Pipeline, embedded: Callable[[], Predictor]) -> Predictor:
    """A predictor for one worker; returns once a server said what its model reads and gives.

    Args:
        embedded: makes the predictor that takes over, where `strategy.fallback` says so.
    Raises:
        SettingsInvalid: an endpoint is none, or there is none.
        Unavailable: no server answered.
    """
    strategy, model = pipeline.strategy, parse(pipeline.model.name)
    if not strategy.endpoint:
        raise SettingsInvalid('strategy.kind = "remote" needs strategy.endpoint = ["grpc://host:8081"], or http, https, grpcs; several')
    ca = None if strategy.ca is None else _read(pipeline.folder / resolve(strategy.ca, pipeline.folder))
    endpoints = [
        Endpoint(url, open_transport(resolve(url, pipeline.folder), strategy.calls, ca), AdaptiveLimit(strategy.calls))
        for url in strategy.endpoint
    ]
    patience = Patience(strategy.timeout_ms / 1000, pipeline.limits.hold_ms / 1000)
    first = _started(
        lambda: RemotePredictor(
            pipeline.model.name,
            endpoints,
            patience=patience,
            calls=strategy.calls,
            version=model.version,
            poll_s=strategy.poll_ms / 1000,
        )
    )
    if strategy.fallback == "hold":
        return first
    try:
        return WithFallback(first, _second(pipeline, first, embedded), after_s=strategy.fallback_s)
    except BaseException:
        first.close()
        raise


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"strategy.ca {path}: {error.strerror}") from error


def _second(pipeline: Pipeline, first: Predictor, embedded: Callable[[], Predictor]) -> Predictor:
    strategy = pipeline.strategy
    if strategy.fallback == "default":
        return DefaultPredictor(first.requires, first.produces, strategy.default)
    if strategy.fallback == "stop":
        return NoPredictor(first.requires, first.produces, strategy.fallback_s)
    second = embedded()
    if not second.requires.equals(first.requires) or not second.produces.equals(first.produces):
        second.close()
        raise SettingsInvalid(
            f'strategy.fallback = "embedded": {pipeline.model.name} in {pipeline.model.store} reads or gives other columns than the server'
        )
    return second


def _started(make: Callable[[], RemotePredictor]) -> RemotePredictor:
    end_s = time.monotonic() + START_S
    while True:
        try:
            return make()
        except Unavailable as error:
            if time.monotonic() > end_s:
                raise Unavailable(f"no server answered within {START_S:g} s: {error}; is `instream serve` running there?") from error
            time.sleep(_AGAIN_S)
