"""The laws of sources and sinks. A connector's tests supply only fixtures: how to put, open and look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from instream.connectors import Sink, Source
from instream.errors import SinkFailed, TransactionAborted
from instream.records import Partition, Records
from instream.testing.batches import outcome_with, records_with

Put = Callable[[Sequence[bytes]], None]
Seen = Callable[[], list[Any]]
POLL_S = 0.2


def line(number: int, padding: int = 0) -> bytes:
    """A record with an id."""
    return msgspec.json.encode({"id": number, "padding": "x" * padding})


def ids_of(records: Records) -> list[int]:
    return [msgspec.json.decode(value)["id"] for value in records.values if value is not None]


def texts_of(records: Records) -> list[bytes]:
    return sorted(value for value in records.values if value is not None)


def batches_of(source: Source, rows: int = 100, nbytes: int = 1 << 20) -> Iterator[Records]:
    """Everything until the source has ended. pytest's time limit ends one that never does."""
    while not source.ended:
        records = source.poll(rows, nbytes, POLL_S)
        if records is not None:
            yield records


def first_of(source: Source, rows: int = 100) -> Records:
    """The first batch that comes."""
    return next(batches_of(source, rows))


class SourceLaws:
    """Give the fixtures `put`, which makes records be there, and `opened`, which opens at their beginning, until their end."""

    def test_columns_are_aligned(self, put: Put, opened: Callable[[], Source]) -> None:
        """Law 1: every record comes once, all columns of a batch have one length, positions are the next offsets."""
        put([line(number) for number in range(2_000)])
        got: list[int] = []
        for records in batches_of(opened()):
            assert len(records.values) == len(records.partitions) == len(records.offsets) == len(ids_of(records))
            for column in (records.keys, records.headers, records.timestamps):
                assert column is None or len(column) == len(records)
            last = dict(zip(records.partitions.tolist(), records.offsets.tolist(), strict=True))
            assert records.positions == {Partition(records.topic, number): offset + 1 for number, offset in last.items()}
            got += ids_of(records)
        assert sorted(got) == list(range(2_000))

    def test_order_within_a_partition(self, put: Put, opened: Callable[[], Source]) -> None:
        """Law 1: offsets rise within a partition, over all batches, and with them the order of writing."""
        put([line(number) for number in range(2_000)])
        offsets, ids = defaultdict(list), defaultdict(list)
        for records in batches_of(opened(), rows=77):
            for number, offset, value in zip(records.partitions.tolist(), records.offsets.tolist(), ids_of(records), strict=True):
                offsets[number].append(offset)
                ids[number].append(value)
        assert all(a < b for each in offsets.values() for a, b in pairwise(each))
        assert all(a < b for each in ids.values() for a, b in pairwise(each))

    def test_batches_are_bounded(self, put: Put, opened: Callable[[], Source]) -> None:
        """Law 7: never more rows than asked for, and about so many bytes, from the first batch on."""
        put([line(number, padding=10_000) for number in range(300)])
        batches = list(batches_of(opened(), rows=13, nbytes=50_000))
        assert sum(len(records) for records in batches) == 300
        assert max(len(records) for records in batches) <= 13
        assert max(sum(len(value or b"") for value in records.values) for records in batches) <= 2 * 50_000

    def test_rewind_goes_back_to_what_is_committed(self, put: Put, opened: Callable[[], Source]) -> None:
        """Law 9: what was committed does not come again, everything after it does."""
        put([line(number) for number in range(500)])
        source = opened()
        done = first_of(source, rows=120)
        source.commit(done.positions)
        assert first_of(source, rows=50)
        source.rewind()
        again = [value for records in batches_of(source) for value in ids_of(records)]
        assert sorted(ids_of(done) + again) == list(range(500))

    def test_rewind_without_a_commit_is_the_beginning(self, put: Put, opened: Callable[[], Source]) -> None:
        """Law 9: nothing is committed by reading alone."""
        put([line(number) for number in range(300)])
        source = opened()
        list(batches_of(source))
        source.rewind()
        assert not source.ended
        assert sorted(value for records in batches_of(source) for value in ids_of(records)) == list(range(300))

    def test_held_gives_nothing_and_loses_nothing(self, put: Put, opened: Callable[[], Source]) -> None:
        """Law 7: a source that is held keeps what comes for later."""
        put([line(number) for number in range(1_000)])
        source = opened()
        got = ids_of(first_of(source, rows=10))
        for _ in range(2):
            source.hold()
            assert [source.poll(100, 1 << 20, 0.05) for _ in range(5)] == [None] * 5
            source.release()
            got += ids_of(first_of(source, rows=10))
        got += [value for records in batches_of(source) for value in ids_of(records)]
        assert sorted(got) == list(range(1_000))


class SinkLaws:
    """Give the fixtures `sink`, of 1 MB, and `seen`: the values that a reader finds, in order."""

    def test_what_is_flushed_is_seen_in_order(self, sink: Sink, seen: Seen) -> None:
        """Law 1: every value once, in order; a row without a value is left out."""
        first, second = [line(0), None, line(1)], [line(2), line(3), None]
        sink.write(records_with([b"in"] * 3), outcome_with(first))
        last = sink.write(records_with([b"in"] * 3, first=3), outcome_with(second))
        assert sink.flush(30) == last
        assert [msgspec.json.decode(value)["id"] for value in seen()] == [0, 1, 2, 3]

    def test_tickets_rise_and_none_is_durable_before_it_was_given(self, sink: Sink) -> None:
        """Law 9: `durable` never says more than was written, and never goes back."""
        said = 0
        for number in range(50):
            ticket = sink.write(records_with([b"in"]), outcome_with([line(number)]))
            durable = sink.durable()
            assert said <= durable <= ticket
            said = durable
        assert sink.flush(30) == ticket == sink.durable()

    def test_a_write_without_values_is_durable(self, sink: Sink) -> None:
        """Law 9: a batch that has no output must not hold up the commit of its positions."""
        ticket = sink.write(records_with([b"in"]), outcome_with([None]))
        assert sink.flush(30) == ticket

    def test_more_than_the_byte_limit_waits_and_arrives(self, sink: Sink, seen: Seen) -> None:
        """Law 7: a write blocks at the limit and loses nothing; the suite's sinks are opened with 1 MB."""
        for number in range(40):
            sink.write(records_with([b"in"] * 10), outcome_with([line(number * 10 + row, padding=20_000) for row in range(10)]))
        sink.flush(60)
        sink.close()
        assert [msgspec.json.decode(value)["id"] for value in seen()] == list(range(400))


class TransactionalLaws:
    """Give the fixtures `put`; `source`, which opens one; `opened`: outputs and dead letters of one worker, and, opened again,
    of the one that takes its place; `seen` and `letters_seen`: what a `read_committed` reader finds."""

    def test_outputs_letters_and_positions_together(self, put: Put, source: Any, opened: Any, seen: Seen, letters_seen: Seen) -> None:
        """Law 9: before the commit nothing is seen, after it all, and the source goes on behind it."""
        put([line(number) for number in range(200)])
        reader, (sink, letters) = source(), opened()
        done = first_of(reader, rows=60)
        sink.begin()
        ticket = sink.write(done, outcome_with(done.values))
        letters.write(records_with([b"bad"]), outcome_with([b"bad"]))
        sink.flush(30)
        assert sink.durable() < ticket
        assert (seen(), letters_seen()) == ([], [])
        sink.commit(reader, done.positions)
        assert sink.durable() == ticket
        assert (sorted(seen()), letters_seen()) == (texts_of(done), [b"bad"])
        reader.rewind()
        rest = [value for records in batches_of(reader) for value in ids_of(records)]
        assert sorted(ids_of(done) + rest) == list(range(200))

    def test_an_abort_leaves_nothing(self, put: Put, source: Any, opened: Any, seen: Seen, letters_seen: Seen) -> None:
        """Law 9: outputs, dead letters and positions of an aborted transaction were never there."""
        put([line(number) for number in range(100)])
        reader, (sink, letters) = source(), opened()
        for end in ("abort", "commit"):
            sink.begin()
            records = first_of(reader, rows=100)
            sink.write(records, outcome_with(records.values))
            letters.write(records_with([b"bad"]), outcome_with([b"bad"]))
            sink.flush(30)
            if end == "abort":
                sink.abort()
                reader.rewind()
        sink.commit(reader, records.positions)
        assert sorted(seen()) == texts_of(records)
        assert letters_seen() == [b"bad"]

    def test_a_successor_fences_its_predecessor(self, put: Put, source: Any, opened: Any, seen: Seen) -> None:
        """Law 9: what the predecessor left open is aborted at once, and it can commit nothing any more."""
        put([line(number) for number in range(100)])
        reader, (old, _) = source(), opened()
        records = first_of(reader, rows=100)
        old.begin()
        old.write(records, outcome_with([b"old"] * len(records)))
        old.flush(30)
        new, _ = opened()
        with pytest.raises(SinkFailed) as failed:
            old.commit(reader, records.positions)
        assert not isinstance(failed.value, TransactionAborted)
        new.begin()
        new.write(records, outcome_with([b"new"] * len(records)))
        new.commit(reader, records.positions)
        assert seen() == [b"new"] * len(records)
