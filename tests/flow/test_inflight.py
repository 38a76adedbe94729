import threading

import pytest

from instream.flow.inflight import Inflight


def test_results_come_in_the_order_of_the_offers() -> None:
    gates = [threading.Event() for _ in range(3)]

    def apply(item: int) -> int:
        gates[item].wait(10)
        return item * 10

    flight = Inflight(apply, calls=3, nbytes=100)
    for item in range(3):
        flight.offer(item, 1)
    gates[2].set()
    gates[1].set()
    assert flight.take(0.01) is None  # the oldest is not done
    gates[0].set()
    assert [flight.take(10) for _ in range(3)] == [(0, 0), (1, 10), (2, 20)]
    flight.close()


def test_calls_and_bytes_are_bounded_but_one_large_item_goes() -> None:
    gate = threading.Event()
    flight: Inflight[int, bool] = Inflight(lambda item: gate.wait(10), calls=2, nbytes=100)
    assert flight.room(1_000)  # alone, or it would wait for ever
    flight.offer(1, 60)
    assert not flight.room(41)
    assert flight.room(40)
    flight.offer(2, 40)
    assert not flight.room(0)
    gate.set()
    assert flight.take(10) == (1, True)
    assert flight.room(60)
    flight.close()


def test_an_error_reaches_the_taker_and_leaves_no_item_behind() -> None:
    def apply(item: int) -> int:
        raise ValueError(item)

    flight = Inflight(apply, calls=1, nbytes=10)
    flight.offer(7, 10)
    with pytest.raises(ValueError, match="7"):
        flight.take(10)
    assert len(flight) == 0
    assert flight.room(10)
    flight.close()


def test_dropped_items_are_never_taken() -> None:
    gate = threading.Event()
    flight: Inflight[int, bool] = Inflight(lambda item: gate.wait(10), calls=1, nbytes=10)
    flight.offer(1, 5)
    flight.drop()
    gate.set()
    assert flight.take(0.01) is None
    flight.close()
