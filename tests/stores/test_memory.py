from pathlib import Path

import pytest

from instream.errors import StoreError
from instream.stores import open_store
from instream.testing.packages import tiny_package
from instream.testing.stores import ParameterLaws, StoreLaws


class TestMemory(StoreLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"memory://{tmp_path}"


class TestMemoryParameters(ParameterLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"memory://{tmp_path}"


def test_it_has_a_limit(tmp_path: Path) -> None:
    store = open_store(f"memory://{tmp_path}?bytes=300000")
    with pytest.raises(StoreError, match="full at 300,000 bytes"):
        store.put(tiny_package(tmp_path, padding=bytes(400_000)))
    assert store.names() == ()
