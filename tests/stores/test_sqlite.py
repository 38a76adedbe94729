from pathlib import Path

import pytest

from instream.testing.stores import SharedStoreLaws


class TestSQLite(SharedStoreLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/models.db"
