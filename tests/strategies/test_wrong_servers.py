"""Servers that misbehave: nothing wrong is ever believed, and every batch is answered in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from instream.errors import Closed, GaveUp, SettingsInvalid, Unavailable
from instream.flow.limit import AdaptiveLimit
from instream.predictor import Predictor, Readiness
from instream.settings import Pipeline
from instream.strategies import remote
from instream.strategies.remote.endpoint import Endpoint
from instream.strategies.remote.predictor import Patience, RemotePredictor
from instream.strategies.remote.transport import open_transport
from instream.testing.faults.wrong_server import FAULTS, HTTP_FAULTS, WRONG, Plan, over_grpc, over_http
from instream.testing.offering import offered
from instream.testing.predictors.fixtures import until

pytestmark = pytest.mark.slow

Over = Callable[[Plan], AbstractContextManager[str]]
OVER: dict[str, tuple[Over, tuple[str, ...]]] = {"http": (over_http, HTTP_FAULTS), "grpc": (over_grpc, FAULTS)}
PATIENCE = Patience(call_s=0.4, batch_s=1.0)
EACH = [(over, fault) for over, (_, faults) in OVER.items() for fault in faults]


def predictor_of(*urls: str, patience: Patience = PATIENCE) -> RemotePredictor:
    endpoints = [Endpoint(url, open_transport(url, 4, None), AdaptiveLimit(4)) for url in urls]
    return RemotePredictor("delay", endpoints, patience=patience, calls=4, poll_s=0.05)


def xs(first: int, rows: int = 20) -> pa.RecordBatch:
    return pa.record_batch({"x": np.arange(first, first + rows, dtype=np.float64)})


@pytest.mark.parametrize(("over", "fault"), EACH, ids=[f"{over}-{fault}" for over, fault in EACH])
def test_a_fault_is_said_and_never_believed(over: str, fault: str) -> None:
    plan = Plan((fault,), 0, share=1.0)
    with OVER[over][0](plan) as url:
        predictor = predictor_of(url)
        with pytest.raises(Unavailable) as raised:
            predictor.predict(xs(1))
        assert str(raised.value)
        if fault in WRONG:
            until(lambda: "answer" in predictor.ready().reason or predictor.ready().ready, "the reason")
        plan.calm = True
        assert offered(predictor, xs(1)) == [2.0 * x for x in range(1, 21)]
        predictor.close()


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_batch_is_answered_once_and_rightly(over: str, seed: int) -> None:
    serve, faults = OVER[over]
    plan = Plan(faults, seed, share=0.4)
    with serve(plan) as url:
        predictor = predictor_of(url)
        for first in range(0, 400, 20):
            assert offered(predictor, xs(first)) == [2.0 * x for x in range(first, first + 20)]
        predictor.close()
    assert len([fault for fault in plan.given if fault]) >= 5


def test_a_server_that_misbehaves_leaves_the_load_to_the_other() -> None:
    bad, good = Plan(("500",), 0, share=1.0), Plan((), 0, share=0.0)
    with over_http(bad) as one, over_grpc(good) as other:
        predictor = predictor_of(one, other)
        for first in range(0, 2_000, 20):
            assert offered(predictor, xs(first)) == [2.0 * x for x in range(first, first + 20)]
        predictor.close()
    assert len(good.given) == 100
    assert len(bad.given) < 40, "the breaker did not open"


def test_a_batch_larger_than_the_limit_is_asked_in_parts() -> None:
    plan = Plan((), 0, share=0.0)
    with over_grpc(plan) as url:
        predictor = predictor_of(url)
        assert offered(predictor, xs(0, 25_000)) == [2.0 * x for x in range(25_000)]
        predictor.close()
    assert len(plan.given) == 3


def test_calls_stay_within_what_is_allowed_and_close_wakes_them() -> None:
    import threading

    plan = Plan(("slow",), 0, share=1.0)
    ended: list[type[BaseException]] = []
    with over_grpc(plan) as url:
        predictor = predictor_of(url, patience=Patience(call_s=30, batch_s=30))

        def call() -> None:
            try:
                predictor.predict(xs(1))
                predictor.predict(xs(1))
            except BaseException as error:  # the kind is what is checked
                ended.append(type(error))

        callers = [threading.Thread(target=call, daemon=True) for _ in range(8)]
        for caller in callers:
            caller.start()
        until(lambda: len(plan.given) == 2, "as many calls as a new endpoint gets")
        time.sleep(0.2)
        assert len(plan.given) == 2
        predictor.close()
        for caller in callers:
            caller.join(10)
    assert ended == [Closed] * 8


def settings(url: str, **strategy: object) -> Pipeline:
    table = {"kind": "remote", "endpoint": url, "timeout_ms": 300, "poll_ms": 50, **strategy}
    return Pipeline.model_validate({"name": "p", "model": {"name": "delay"}, "strategy": table, "limits": {"hold_ms": 200}})


class Here:
    """What an embedded predictor would be: `y = -x`, so that it is seen who answered."""

    inflight = 1

    def __init__(self, like: Predictor) -> None:
        self.requires, self.produces = like.requires, like.produces

    def predict(self, batch: pa.RecordBatch, call: object = None) -> object:
        from instream.testing.faults.wrong_server import right

        prediction = right(batch.column("x"))
        negative = pa.RecordBatch.from_arrays([pa.array(-np.asarray(batch.column("x")))], ["y"])
        return type(prediction)(negative, prediction.stamps, 1, prediction.failures)

    def ready(self) -> Readiness:
        return Readiness(True, "here")

    def close(self) -> None:
        """Nothing is held."""


def test_a_fallback_takes_over_after_its_time_and_gives_back() -> None:
    plan = Plan(("503",), 0, share=1.0)
    plan.calm = True
    with over_grpc(plan) as url:
        probe = predictor_of(url)
        predictor = remote(settings(url, fallback="embedded", fallback_s=0.5), lambda: Here(probe))  # type: ignore[arg-type,return-value]
        assert offered(predictor, xs(1, 1)) == [2.0]
        plan.calm = False
        began = time.monotonic()
        assert offered(predictor, xs(1, 1)) == [-1.0]
        assert time.monotonic() - began > 0.5
        plan.calm = True
        until(lambda: offered(predictor, xs(1, 1)) == [2.0], "the server again")
        predictor.close()
        probe.close()


def test_a_default_is_stamped_as_such_and_stop_ends_it() -> None:
    plan = Plan(("503",), 0, share=1.0)
    with over_http(plan) as url:
        default = remote(settings(url, fallback="default", fallback_s=0, default={"y": 0.25}), _nobody)
        until(lambda: offered(default, xs(1, 2)) == [0.25, 0.25], "the default value")
        assert default.predict(xs(1, 2)).stamps.column("version").to_pylist() == [0, 0]
        default.close()
        stopping = remote(settings(url, fallback="stop", fallback_s=0), _nobody)
        with pytest.raises(GaveUp, match=r"strategy.fallback_s = 0"):
            offered(stopping, xs(1, 2))
        stopping.close()
        with pytest.raises(SettingsInvalid, match=r"strategy.default: the model gives y \(double\)"):
            remote(settings(url, fallback="default"), _nobody)


@pytest.mark.parametrize("endpoint", ["ftp://h:1", "h:8081", "grpc://", "http://h:99999", "http://h/path"])
def test_an_endpoint_that_is_none_is_said(endpoint: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"strategy\.endpoint"):
        open_transport(endpoint, 1, None)


def _nobody() -> Predictor:
    raise AssertionError("no embedded predictor was asked for")


def test_a_folder_is_where_a_certificate_is_sought(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="ca"):
        remote(settings("https://127.0.0.1:1", ca="absent.pem").model_copy(update={"folder": tmp_path}), _nobody)
