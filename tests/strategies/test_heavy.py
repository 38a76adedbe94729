"""A model that takes its time for each row: calls become as small as what is answered in time."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from instream.flow.limit import AdaptiveLimit
from instream.predictor import Call, Prediction, Predictor
from instream.strategies.remote.endpoint import Endpoint
from instream.strategies.remote.predictor import Patience, RemotePredictor
from instream.strategies.remote.transport import open_transport
from instream.testing.linear import LinearPredictor
from instream.testing.offering import offered
from instream.testing.server import running, server_for

ROW_S = 0.001


class Heavy(LinearPredictor):
    """A millisecond a row."""

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        time.sleep(ROW_S * batch.num_rows)
        return super().predict(batch, call)


def opened(model: str) -> Predictor:
    return Heavy()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_batch_that_is_too_heavy_for_the_timeout_is_scored_in_parts(scheme: str) -> None:
    """Three seconds of work, half a second a call, and a batch is given back after half a second without any answer."""
    with running(server_for("delay"), opened) as server:
        url = getattr(server, scheme)
        endpoint = Endpoint(url, open_transport(url, 4, None), AdaptiveLimit(4))
        predictor = RemotePredictor("delay", [endpoint], patience=Patience(0.5, 0.5), calls=4, poll_s=0.05)
        batch = pa.record_batch({"x": np.arange(3_000) / 10, "n": np.zeros(3_000, np.int32)})
        expected = LinearPredictor().predict(batch).outputs.column("y").to_pylist()
        assert offered(predictor, batch, within_s=240) == expected
        predictor.close()
