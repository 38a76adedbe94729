from __future__ import annotations

import pytest

from instream.testing.engines import EngineLaws
from instream.testing.rigs import MemoryRig, Rig, TransactionsRig


class TestMemory(EngineLaws):
    @pytest.fixture
    def rig(self) -> Rig:
        return MemoryRig()


class TestMemoryTransactions(EngineLaws):
    at_most_once_visible = True

    @pytest.fixture
    def rig(self) -> Rig:
        return TransactionsRig()
