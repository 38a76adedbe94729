"""Parameters of keyed models: revisions of each key, and the feed that tells which were written."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from instream.errors import InvalidRows, NotFound, StoreError
from instream.stores import Store, open_store
from instream.stores.parameter_rows import KEPT, ParameterRows, Row
from instream.stores.parameters import Parameters
from instream.testing.stores.fixtures import at_once
from instream.testing.stores.parameter_sets import ParameterSetLaws

SET, OTHER = "5e7", "07e"
KEYS = ["s:JFK|s:LAX", "s:a%7Cb|s:c", "s:a|s:b%7Cc", "i:1", "s:1", "b:1", "n:", "s:", "s:\u00e9", "s:e\u0301", "s:" + "x" * 300]
"""Texts of keys that must never be merged."""


class ParameterLaws(ParameterSetLaws):
    """What a store keeps that has parameters; those that have none leave these laws out."""

    @pytest.fixture
    def parameters(self, store: Store) -> Parameters:
        return store.parameters_of(SET)

    def rows(self, store: Store) -> ParameterRows:
        found: ParameterRows = store.backend.parameters  # type: ignore[attr-defined]
        return found

    def test_what_was_written_is_read(self, parameters: Parameters, store: Store) -> None:
        """Law 3: a key has its own newest parameters, and no other key or set has them."""
        revisions = parameters.write({key: key.encode() for key in KEYS})
        found = parameters.read([*KEYS, "s:absent"])
        assert {key: (each.revision, each.payload) for key, each in found.items()} == {key: (revisions[key], key.encode()) for key in KEYS}
        assert store.parameters_of(OTHER).read(KEYS) == {}

    def test_keys_are_met_once(self, parameters: Parameters) -> None:
        parameters.write(dict.fromkeys(KEYS, b"x"))
        met: list[str] = []
        while page := parameters.scan(met[-1] if met else "", 3):
            assert len(page) <= 3
            met += page
        assert sorted(met) == sorted(KEYS)

    def test_revisions_grow_and_stay(self, parameters: Parameters) -> None:
        """Law 5: parameters are only added; the history has what was in force; a rollback is a new revision."""
        written = [parameters.write({"i:1": payload})["i:1"] for payload in (b"one", b"two", b"three")]
        assert written == sorted(set(written))
        back = parameters.rollback("i:1")
        assert [(each.revision, each.payload) for each in parameters.history("i:1")] == [
            (back, b"two"),
            (written[2], b"three"),
            (written[1], b"two"),
            (written[0], b"one"),
        ]
        assert parameters.rollback("i:1", written[0]) > back
        assert parameters.read(["i:1"])["i:1"].payload == b"one"
        with pytest.raises(NotFound, match="no revision 7"):
            parameters.rollback("i:1", 7)
        with pytest.raises(NotFound, match="no earlier revision"):
            parameters.rollback("i:2")

    def test_a_key_is_taken_away_and_comes_back(self, parameters: Parameters) -> None:
        parameters.write({"i:1": b"one"})
        gone = parameters.write({"i:1": None})["i:1"]
        assert parameters.read(["i:1"])["i:1"] == type(parameters.read(["i:1"])["i:1"])(gone, None)
        parameters.write({"i:1": b"two"})
        assert parameters.read(["i:1"])["i:1"].payload == b"two"

    def test_twenty_writers_of_one_key(self, parameters: Parameters) -> None:
        """Law 5: each write is whole, all are in the history, and everybody agrees on the one in force."""
        payloads = [bytes([each]) * 1_000 for each in range(20)]
        results = at_once(lambda payload: parameters.write({"i:1": payload}), payloads)
        assert [each for each in results if isinstance(each, Exception)] == []
        history = parameters.history("i:1", 50)
        assert sorted(each.payload or b"" for each in history) == payloads
        assert {parameters.read(["i:1"])["i:1"].payload for _ in range(5)} == {history[0].payload}

    def test_a_writer_whose_last_read_is_ahead(self, store: Store, parameters: Parameters) -> None:
        """Law 5: after a row with a greater revision than the clock's, a later write still wins."""
        ahead = self.rows(store).now_us() + 300_000_000
        self.rows(store).append(SET, [Row("i:1", ahead, "a", b"from a clock five minutes ahead")])
        assert parameters.write({"i:1": b"true"})["i:1"] == ahead + 1
        assert parameters.read(["i:1"])["i:1"].payload == b"true"

    def test_appending_again_does_no_harm(self, store: Store, parameters: Parameters) -> None:
        """Law 5: after a timeout a writer offers the same rows again."""
        rows = [Row("i:1", 7, "w", b"one"), Row("i:2", 7, "w", b"two")]
        self.rows(store).append(SET, rows)
        self.rows(store).append(SET, rows)
        assert [each.payload for each in parameters.history("i:1")] == [b"one"]

    def test_history_is_bounded(self, parameters: Parameters) -> None:
        """Law 7: of a key that is written all the time, old rows go."""
        for number in range(600):
            parameters.write({"i:1": b"%d" % number})
        assert KEPT <= len(parameters.history("i:1", 1_000)) < 600
        assert parameters.read(["i:1"])["i:1"].payload == b"599"

    def test_what_is_refused(self, parameters: Parameters) -> None:
        """Law 12: nothing that is no key, and no empty parameters."""
        for text in ("JFK", "i:07", "s:a|", "x:1", "s:" + "x" * 2_000):
            with pytest.raises(InvalidRows):
                parameters.write({text: b"x"})
        with pytest.raises(StoreError, match="0 bytes"):
            parameters.write({"i:1": b""})
        assert parameters.scan() == []

    def test_the_feed_tells_what_was_written(self, parameters: Parameters, store: Store) -> None:
        """Law 6: each key that was written since a cursor, and of this set only; then none."""
        start = parameters.cursor()
        parameters.write(dict.fromkeys(KEYS, b"x"))
        store.parameters_of(OTHER).write({"i:77": b"x"})
        seen = parameters.changes(start)
        assert (sorted(seen.keys), seen.reset) == (sorted(KEYS), False)
        assert parameters.changes(seen.cursor).keys == ()
        parameters.write({"i:1": None})
        assert parameters.changes(seen.cursor).keys == ("i:1",)

    def test_no_more_than_asked_for(self, parameters: Parameters) -> None:
        """Law 7: at most `limit` at a time; the others come next, and until they are told there is `more`."""
        cursor, told, more = parameters.cursor(), list[str](), True
        parameters.write(dict.fromkeys(KEYS, b"x"))
        while more:
            seen = parameters.changes(cursor, limit=3)
            assert len(seen.keys) <= 3
            told, cursor, more = [*told, *seen.keys], seen.cursor, seen.more
        assert sorted(set(told)) == sorted(KEYS)
        assert parameters.changes(cursor, limit=3).keys == ()

    @pytest.mark.parametrize("cursor", ["", "7", "another/7", "ÿ"])
    def test_a_cursor_of_another_store(self, parameters: Parameters, cursor: str) -> None:
        """Law 6: a cursor that says nothing here gives `reset`."""
        parameters.write({"i:1": b"x"})
        seen = parameters.changes(cursor)
        assert seen.reset
        assert parameters.changes(seen.cursor).keys == ()

    def test_a_follower_never_misses(self, parameters: Parameters) -> None:
        """Law 6: who reads only what the feed names ends with the newest, whatever several writers do meanwhile."""
        keys = [f"i:{number}" for number in range(5)]
        done = threading.Event()

        def follow(_: int) -> dict[str, int]:
            cursor, known = parameters.cursor(), dict[str, int]()
            known.update({key: each.revision for key, each in parameters.read(keys).items()})
            while True:
                last = done.is_set()
                while moved := (seen := parameters.changes(cursor)).keys:
                    known.update({key: each.revision for key, each in parameters.read(moved).items()})
                    cursor = seen.cursor
                if last:
                    return known

        def write(number: int) -> None:
            for each in range(40):
                parameters.write(dict.fromkeys(keys[number : number + 3], b"%d" % each))

        with ThreadPoolExecutor(5) as pool:
            followers = [pool.submit(follow, each) for each in range(2)]
            for written in [pool.submit(write, each) for each in range(3)]:
                written.result()
            done.set()
            newest = {key: each.revision for key, each in parameters.read(keys).items()}
            assert [follower.result() for follower in followers] == [newest] * 2

    def test_a_waiting_reader_is_woken(self, store: Store, url: str) -> None:
        """Law 6: `changes` returns when a key is written, by whatever process; and at its timeout when none is."""
        real = open_store(url)  # on the machine's clock
        waits = real.parameters_of(SET)
        assert waits.changes(waits.cursor(), timeout_s=0.05).keys == ()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(waits.changes, waits.cursor(), 10, 60.0)
            store.parameters_of(SET).write({"i:1": b"x"})
            assert waiting.result(timeout=30).keys == ("i:1",)
        real.close()

    def test_a_set_is_cleared(self, store: Store, parameters: Parameters) -> None:
        """Other sets stay, and the feed goes on."""
        parameters.write({"i:1": b"x"})
        store.parameters_of(OTHER).write({"i:1": b"y"})
        parameters.clear()
        assert (parameters.scan(), parameters.read(["i:1"]), parameters.history("i:1")) == ([], {}, [])
        assert store.parameters_of(OTHER).read(["i:1"])["i:1"].payload == b"y"
        cursor = parameters.cursor()
        parameters.write({"i:1": b"z"})
        assert parameters.changes(cursor).keys == ("i:1",)
