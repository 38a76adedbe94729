"""What every engine keeps, whatever it joins: subclass `EngineLaws` and supply the fixture `rig`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from instream.engines.workers.judge import Judge
from instream.engines.workers.loop import Ended
from instream.errors import BadRecord, TooManyDeadLetters
from instream.records import Records
from instream.testing.arithmetic import Doubling, slowly
from instream.testing.rigs import PACE, Rig

MIXED: list[bytes | None] = [b"0" if n % 10 == 3 else b"bad" if n % 10 == 7 else b"%d" % (n + 1) for n in range(500)]
FORGIVING = 1.0


def expected(rig: Rig) -> dict[str, bytes]:
    """Outputs by source id, scored one by one."""
    return {key: b"%d" % (2 * int(value)) for key, value in rig.fed().items() if value and value.isdigit() and int(value)}


def lost(rig: Rig) -> list[str]:
    """Source ids below a committed position that have neither an output nor a dead letter and were not filtered."""
    kept = {key for key, _ in rig.outputs()} | {key for key, _ in rig.letters()}
    ends = {(part.topic, part.number): end for part, end in rig.committed().items()}
    gone = []
    for key, value in rig.fed().items():
        topic, number, offset = key.rsplit(":", 2)
        if int(offset) < ends.get((topic, int(number)), 0) and key not in kept and value != b"0":
            gone.append(key)
    return gone


def fail_at(call: int) -> Callable[[Records], None]:
    """A `before` with a bug that shows at the n-th batch."""
    left = iter(range(call - 1, -1, -1))

    def before(records: Records) -> None:
        if next(left) == 0:
            raise RuntimeError("a bug")

    return before


class EngineLaws:
    """`rig` is a fresh source with two sinks, each time."""

    at_most_once_visible = False
    """True where a delivery mode promises that no output is seen twice."""

    def test_each_record_ends_once(self, rig: Rig) -> None:
        """Law 1: each record ends as exactly one output, one failure, or one counted filtering; in order."""
        rig.feed(MIXED)
        loop = rig.loop(Doubling(), judge=Judge(FORGIVING), pace=replace(PACE, rows=7, calls=3))
        assert loop.run() is Ended.SOURCE
        loop.close()
        assert dict(rig.outputs()) == expected(rig)
        assert len(rig.outputs()) == 400
        assert sorted(rig.letters()) == sorted((key, b"bad") for key, value in rig.fed().items() if value == b"bad")
        assert loop.counting.filtered == 50
        for number in range(8):
            offsets = [int(key.rsplit(":", 1)[1]) for key, _ in rig.outputs() if key.split(":")[1] == str(number)]
            assert offsets == sorted(offsets)

    @pytest.mark.parametrize(("rows", "calls"), [(1, 4), (7, 1), (1_000, 2)])
    def test_batch_size_changes_no_value(self, rig: Rig, rows: int, calls: int) -> None:
        """Law 2: batch size and concurrency do not change a value."""
        rig.feed(MIXED[:60])
        loop = rig.loop(Doubling(), judge=Judge(FORGIVING), pace=replace(PACE, rows=rows, calls=calls))
        loop.run()
        loop.close()
        assert dict(rig.outputs()) == expected(rig)

    def test_work_in_flight_is_bounded(self, rig: Rig) -> None:
        """Law 7: rows of a batch and calls in flight have a limit; what is over it waits."""
        rig.feed([b"%d" % n for n in range(1, 200)])
        doubling = Doubling()
        doubling.before = slowly(0.002)
        loop = rig.loop(doubling, pace=replace(PACE, rows=9, calls=3))
        loop.run()
        loop.close()
        assert max(doubling.batch_rows) <= 9
        assert 1 < doubling.most_at_once <= 3

    @pytest.mark.parametrize("call", [1, 2, 9])
    def test_a_crash_loses_nothing(self, rig: Rig, call: int) -> None:
        """Law 9: only what is durable is committed; after a crash the rest comes again."""
        rig.feed(MIXED)
        doubling = Doubling()
        doubling.before = fail_at(call)
        with pytest.raises(RuntimeError, match="a bug"):
            rig.loop(doubling, judge=Judge(FORGIVING), pace=replace(PACE, rows=11, calls=2)).run()
        assert not lost(rig)
        again = rig.loop(Doubling(), judge=Judge(FORGIVING))
        again.run()
        again.close()
        assert dict(rig.outputs()) == expected(rig)
        assert {key for key, _ in rig.letters()} == {key for key, value in rig.fed().items() if value == b"bad"}
        if self.at_most_once_visible:
            assert max(Counter(key for key, _ in rig.outputs()).values()) == 1

    def test_an_outage_is_waited_for(self, rig: Rig) -> None:
        """Law 10: an outage of the predictor is not a bad record; the same batch is offered again."""
        rig.feed(MIXED[:60])
        doubling = Doubling()
        doubling.outages = 5
        loop = rig.loop(doubling, judge=Judge(FORGIVING))
        loop.run()
        loop.close()
        assert dict(rig.outputs()) == expected(rig)
        assert len(rig.letters()) == 6

    def test_too_many_dead_letters_stop_it(self, rig: Rig) -> None:
        """Law 10: past the set share the pipeline stops with a clear error, and what was written is committed."""
        rig.feed([b"bad" if n % 2 else b"1" for n in range(3_000)])
        loop = rig.loop(Doubling(), judge=Judge(0.4))
        with pytest.raises(TooManyDeadLetters, match=r"\d{3} of the last 1,\d{3} records.*0\.4 allows.*not_json"):
            loop.run()
        assert not lost(rig)
        assert len(rig.letters()) > 400
        assert sum(rig.committed().values()) == len(rig.letters()) + len(rig.outputs())

    def test_without_a_place_a_bad_record_stops_it(self, rig: Rig) -> None:
        """Law 10: a bad record that cannot be kept is not skipped; what came before it is committed."""
        rig.feed([b"1"] * 199 + [b"bad"])
        loop = rig.loop(Doubling(), pace=replace(PACE, rows=10))
        with pytest.raises(BadRecord, match=r":\d+: not_json: expected a number, got b'bad'.*dead_letter\.url") as stopped:
            loop.run()
        assert not lost(rig)
        offset = int(str(stopped.value).split(": not_json")[0].rsplit(":", 1)[1])
        assert sum(rig.committed().values()) == len(rig.outputs()) >= offset - 10

    def test_a_drain_finishes_what_is_in_flight(self, rig: Rig) -> None:
        """Law 11: asked to end, it finishes what is in flight, commits, and takes nothing more."""
        rig.feed([b"1"] * 10_000)
        doubling = Doubling()
        doubling.before = slowly(0.05)
        loop = rig.loop(doubling, pace=replace(PACE, rows=20, calls=2))
        asked = threading.Timer(0.3, loop.drain)
        asked.start()
        assert loop.run() is Ended.DRAINED
        loop.close()
        assert 0 < sum(rig.committed().values()) == len(rig.outputs()) == sum(doubling.batch_rows) < 10_000
