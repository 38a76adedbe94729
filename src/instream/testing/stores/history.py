"""Any order of operations, against a list and a dictionary."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream.errors import InUse, NotFound
from instream.package import Version
from instream.stores import Store, promote
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import StoreFixtures

Operation = tuple[Literal["put", "promote", "delete"], int]

_SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one law, many stores; a fresh name each time
operations = st.lists(st.tuples(st.sampled_from(["put", "promote", "delete"]), st.integers(1, 4)), max_size=10)


class Expected:
    """What a store is, in the fewest words."""

    def __init__(self) -> None:
        self.numbers: list[int] = []  # the weight that each number was given to
        self.deleted: set[int] = set()
        self.champions: list[int] = []

    def there(self) -> list[int]:
        return [number for number in range(1, len(self.numbers) + 1) if number not in self.deleted]

    def put(self, weight: int) -> int:
        for number in self.there():
            if self.numbers[number - 1] == weight:
                return number
        self.numbers.append(weight)
        if not self.champions:
            self.champions.append(1)
        return len(self.numbers)

    def promote(self, number: int) -> type[Exception] | None:
        if number not in self.there():
            return NotFound
        if self.champions[-1] != number:
            self.champions.append(number)
        return None

    def delete(self, number: int) -> type[Exception] | None:
        if number not in self.there():
            return NotFound
        if number in self.champions:
            return InUse
        self.deleted.add(number)
        return None


class HistoryLaws(StoreFixtures):
    """What holds after any history."""

    @settings(max_examples=30, deadline=None, suppress_health_check=_SHARED)
    @given(history=operations)
    def test_any_history(self, store: Store, tmp_path: Path, history: list[Operation]) -> None:
        """Law 5: packages and heads are only added; numbers mean one package for ever; nothing in use goes."""
        name, expected = f"m{uuid.uuid4().hex}", Expected()
        for operation, argument in history:
            if operation == "put":
                assert store.put(tiny_package(tmp_path, name, weight=float(argument))) == expected.put(argument)
            elif (fault := getattr(expected, operation)(argument)) is None:
                apply(store, operation, name, Version(argument))
            else:
                with pytest.raises(fault):
                    apply(store, operation, name, Version(argument))
        assert list(store.versions(name)) == expected.there()
        assert [head.champion for head in store.heads(name, 100)][::-1] == expected.champions
        for number in expected.there():
            model = store.open(name, Version(number)).path("model.tiny")
            assert float(model.read_text()) == expected.numbers[number - 1]


def apply(store: Store, operation: str, name: str, version: Version) -> None:
    """Promote or delete."""
    if operation == "promote":
        promote(store, name, version, by="test")
    else:
        store.delete(name, version)
