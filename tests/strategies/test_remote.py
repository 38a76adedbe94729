"""The remote strategy keeps the laws of a predictor, over REST and over gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import count

import pytest

from instream.predictor import Predictor
from instream.settings import Pipeline
from instream.stores import Store
from instream.strategies import local, remote
from instream.testing.predictors import PredictorLaws
from instream.testing.predictors.fixtures import Away, Connect
from instream.testing.server import Running, running, server_for

_workers = count()


def served(pipeline: Pipeline, store: Store) -> contextlib.AbstractContextManager[Running]:
    """A server whose models are loaded as the pipeline's file says."""

    def opened(model: str) -> Predictor:
        named = pipeline.model_copy(update={"model": pipeline.model.model_copy(update={"name": model})})
        return local(named, store, worker=f"w{next(_workers)}", local_features=None)

    return running(server_for(pipeline.model.name.partition("@")[0]), opened)


class WithServer:
    """A remote predictor and the server that is its own: they end together, as one embedded predictor does."""

    def __init__(self, predictor: Predictor, server: Running) -> None:
        self.requires, self.produces, self.inflight = predictor.requires, predictor.produces, predictor.inflight
        self.predict, self.ready = predictor.predict, predictor.ready
        self._predictor, self._server = predictor, server

    def close(self) -> None:
        self._predictor.close()
        self._server.stop()


class RemoteLaws(PredictorLaws):
    """Each predictor has a server of its own."""

    def endpoint(self, server: Running) -> str:
        raise NotImplementedError

    @pytest.fixture
    def connect(self, backend: Away) -> Iterator[Connect]:
        """After the store, so that it is there for as long as a server is."""
        with contextlib.ExitStack() as stack:

            def connect(pipeline: Pipeline, store: Store) -> Predictor:
                server = stack.enter_context(served(pipeline, store))
                strategy = pipeline.strategy.model_copy(
                    update={"kind": "remote", "endpoint": (self.endpoint(server),), "calls": pipeline.engine.threads}
                )
                return WithServer(remote(pipeline.model_copy(update={"strategy": strategy}), _nobody), server)

            yield connect


def _nobody() -> Predictor:
    raise AssertionError("no fallback was asked for")


class TestOverGrpc(RemoteLaws):
    def endpoint(self, server: Running) -> str:
        return server.grpc


class TestOverRest(RemoteLaws):
    def endpoint(self, server: Running) -> str:
        return server.http
