"""Mixed keys from a store: own parameters, fallback, updates, faults of a key, a store that is away."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from instream.errors import ParametersRefused, StoreError, Unavailable
from instream.flow.deadline import deadline_in
from instream.keyed.cache import Cache
from instream.keyed.keeper import Keeper
from instream.keyed.keys import KeyColumns
from instream.keyed.linear import Linear
from instream.keyed.payload import Golden, encode
from instream.keyed.scorer import Scorer
from instream.stores import Store, open_store

LINE = Linear(1, 1, "identity")
KINDS = [pa.string(), pa.string()]


def payload(number: float, golden: float | None = None) -> bytes:
    """y = number * x + number; its golden row may be made wrong."""
    scores = np.array([[2 * number if golden is None else golden]])
    tensors = {"coef": np.array([[number]], np.float64), "intercept": np.array([number], np.float64)}
    return encode(LINE, ["x"], tensors, Golden(np.array([[1.0]]), scores))


class Away:
    """A store's parameters that can be made to fail; counts reads."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.away = False
        self.reads = 0
        self.poll_s = 0.005

    def _there(self) -> Any:
        if self.away:
            raise StoreError("away")
        return self.inner

    def read(self, texts: Sequence[str]) -> Mapping[str, Any]:
        self.reads += 1
        found: Mapping[str, Any] = self._there().read(texts)
        return found

    def history(self, text: str, limit: int) -> Sequence[Any]:
        found: Sequence[Any] = self._there().history(text, limit)
        return found

    def now_us(self) -> int:
        return int(self._there().now_us())

    def mark(self) -> object:
        found: object = self._there().mark()
        return found

    def cursor(self) -> str:
        return str(self._there().cursor())

    def changes(self, since: str) -> Any:
        return self._there().changes(since)


class Rig:
    def __init__(self, store: Store, bytes_max: int = 1 << 20, default: float | None = None) -> None:
        self.parameters = store.parameters_of("d")
        self.source = Away(self.parameters)
        self.refused: list[tuple[str, str]] = []

        def refuse(text: str, revision: int, why: ParametersRefused) -> None:
            self.refused.append((text, str(why)))

        self.cache = Cache(
            LINE,
            ["x"],
            KeyColumns(KINDS),
            source=self.source,
            bytes_max=bytes_max,
            equal=lambda expected, given: bool(np.allclose(expected, given)),
            refused=refuse,
        )
        if default is not None:
            self.cache.put_default(payload(default))
        self.keeper = Keeper(self.cache, self.source)
        self.keeper.fill()
        self.keeper.start()
        self.scorer = Scorer(self.cache, self.keeper, 2, default=default is not None)

    def score(self, *keys: tuple[str | None, str | None], within_s: float = 20.0) -> list[tuple[float | None, int]]:
        """For x = 1, half the answer, so the number of the parameters; and the level."""
        columns = [pa.array([key[at] for key in keys], pa.string()) for at in range(2)]
        scored = self.scorer.score(columns, np.ones((len(keys), 1)), deadline_in(within_s))
        return [
            (float(score) / 2 if there else None, int(level))
            for score, there, level in zip(scored.scores[:, 0], scored.answered, scored.levels, strict=True)
        ]

    def until(self, number: float, *key: str) -> None:
        end = time.monotonic() + 20
        while self.score((key[0], key[1]))[0][0] != number:
            assert time.monotonic() < end, self.refused
            time.sleep(0.005)


@contextmanager
def rig(name: str, **options: Any) -> Iterator[Rig]:
    made = Rig(open_store(f"memory://{name}"), **options)
    yield made
    made.keeper.close()


def test_keys_that_were_wanted_in_vain_are_forgotten(unique: str) -> None:
    """A server that is asked for ever new keys while its database is away keeps none of them."""
    with rig(unique) as made:
        made.source.away = True
        for number in range(3):
            with pytest.raises(Unavailable):
                made.score((f"{number}", "LAX"), within_s=5)
        assert not made.keeper._wanted
        made.source.away = False
        assert made.score(("0", "LAX")) == [(None, -1)]


def test_own_fewer_default_and_none(unique: str) -> None:
    store = open_store(f"memory://{unique}")
    store.parameters_of("d").write({"s:JFK|s:LAX": payload(3), "s:JFK": payload(5), "n:|s:LAX": payload(7)})
    keys = [("JFK", "LAX"), ("JFK", "SFO"), ("EWR", "SFO"), (None, "LAX"), ("JFK", "LAX"), (None, None)]
    with rig(unique) as without:
        assert without.score(*keys) == [(3, 0), (5, 1), (None, -1), (7, 0), (3, 0), (None, -1)]
        reads = without.source.reads
        assert reads == 1  # with what may answer instead
        without.score(*keys)
        assert without.source.reads == reads  # what is absent is known, too
    with rig(unique, default=11) as with_default:
        assert with_default.score(*keys) == [(3, 0), (5, 1), (11, -1), (7, 0), (3, 0), (11, -1)]


def test_an_update_is_seen(unique: str) -> None:
    """Also of a key that had nothing, and of one that is taken away."""
    with rig(unique, default=1) as one:
        assert one.score(("a", "b")) == [(1, -1)]
        one.parameters.write({"s:a|s:b": payload(2)})
        one.until(2, "a", "b")
        one.parameters.write({"s:a|s:b": payload(3)})
        one.until(3, "a", "b")
        one.parameters.write({"s:a": payload(4)})
        one.parameters.write({"s:a|s:b": None})
        one.until(4, "a", "b")


@pytest.mark.parametrize("bad", [b"nonsense", payload(9)[:-3], payload(9, golden=1.0), payload(9).replace(b"linear", b"forest")])
def test_a_bad_update_harms_its_own_key_only(unique: str, bad: bytes) -> None:
    """Law 4: the old parameters go on; a process that starts anew finds them as well."""
    with rig(unique) as one:
        one.parameters.write({"s:a|s:b": payload(2), "s:c|s:d": payload(3)})
        assert one.score(("a", "b"), ("c", "d")) == [(2, 0), (3, 0)]
        one.parameters.write({"s:a|s:b": bad, "s:c|s:d": payload(4)})
        one.until(4, "c", "d")
        assert one.score(("a", "b")) == [(2, 0)]
        end = time.monotonic() + 20
        while not one.refused:  # told after the keys that are well were shown
            assert time.monotonic() < end
            time.sleep(0.005)
        assert one.refused[0][0] == "s:a|s:b"
    with rig(unique) as anew:
        assert anew.score(("a", "b"), ("c", "d")) == [(2, 0), (4, 0)]


def test_more_keys_than_slots(unique: str) -> None:
    """A working set larger than the budget slows the stream and nothing else."""
    with rig(unique, bytes_max=1) as one:  # the least: 16 slots
        keys = [("k", f"{number}") for number in range(200)]
        one.parameters.write({f"s:k|s:{number}": payload(number) for number in range(200)})
        for _ in range(3):
            assert one.score(*keys) == [(number, 0) for number in range(200)]


def test_a_store_that_is_away(unique: str) -> None:
    """Keys that are here go on, and say how old they are; the others hold; it recovers by itself."""
    with rig(unique) as one:
        one.parameters.write({"s:a|s:b": payload(2), "s:c|s:d": payload(3)})
        assert one.score(("a", "b")) == [(2, 0)]
        one.source.away = True
        time.sleep(0.1)
        assert one.score(("a", "b")) == [(2, 0)]
        assert one.keeper.age_ms >= 50
        with pytest.raises(Unavailable, match="away"):
            one.score(("c", "d"))
        one.source.away = False
        end = time.monotonic() + 20
        while True:
            try:
                assert one.score(("c", "d")) == [(3, 0)]
                break
            except Unavailable:
                assert time.monotonic() < end


def test_updates_while_scoring_are_never_mixed(unique: str) -> None:
    """W = k and b = k: each answer is of exactly one k."""
    with rig(unique) as one:
        one.parameters.write({"s:a|s:b": payload(0)})
        done = threading.Event()

        def write() -> None:
            for number in range(1, 300):
                one.parameters.write({"s:a|s:b": payload(number)})
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        seen = set()
        while not done.is_set():
            answers = {number for number, _ in one.score(*[("a", "b")] * 50)}
            assert len(answers) == 1, answers
            seen |= answers
        writer.join()
        assert all(number is not None and number == int(number) for number in seen)
        one.until(299, "a", "b")
