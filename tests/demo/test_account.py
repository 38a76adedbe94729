import math

import numpy as np
import pytest

from examples.flights import data
from examples.flights.account import account
from examples.flights.stream import Seen

MS = 1_000_000


def line(number: int, version: int, late: float) -> bytes:
    return f'{{"id":{number},"label":"late","probabilities":[{late},{1 - late}],"version":{version}}}\n'.encode()


def test_what_is_lost_twice_or_dead_is_counted() -> None:
    seen = Seen(np.arange(6, dtype=np.int64) * MS, written=6)
    # 3 is dead, 4 is lost, 5 is there twice, and a line is cut between two chunks.
    first, second = line(0, 1, 0.9) + line(1, 1, 0.9), line(2, 2, 0.1) + line(5, 2, 0.1) + line(5, 2, 0.1)
    seen.chunks = [(10 * MS, first[:-7]), (12 * MS, first[-7:] + second)]
    seen.promoted_ns = 2 * MS
    found = account(seen, [True, True, False, None, None, None], 0, dead=1, filtered=0, other=lambda version, ids: np.full(len(ids), 0.5))
    assert (found.records_in, found.records_out, found.dead, found.lost, found.duplicated) == (6, 5, 1, 1, 1)
    assert found.outputs["latency_ms"].tolist() == [11, 10, 7, 7]
    assert [(one.version, one.records, one.accuracy) for one in found.scores] == [(1, 2, 1.0), (2, 3, 1.0)]
    assert found.scores[0].log_loss == pytest.approx(-math.log(0.9))
    assert found.scores[0].others_log_loss == pytest.approx(-math.log(0.5))


def test_nothing_that_a_live_stream_does_not_have_is_a_feature() -> None:
    assert not {"arr_time", "arr_delay", "air_time", "dep_time"} & set(data.FEATURES)


def test_the_flights_are_real_and_missing_where_they_never_arrived() -> None:
    flights = data.flights()
    assert len(flights) == 336_776
    assert int(flights["late"].isna().sum()) == 9_430
    later = data.later_months(flights)
    assert later["month"].min() == data.TRAINED_UNTIL_MONTH + 1
    assert int(later["dep_delay"].isna().sum()) > 0
    assert data.first_months(flights)["month"].max() == data.TRAINED_UNTIL_MONTH
