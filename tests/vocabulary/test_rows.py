import pyarrow as pa
import pytest

from instream.rows import ArrowRows


def test_rows_become_json_only_when_asked() -> None:
    rows = ArrowRows(pa.record_batch({"a": [1, None], "b": ["x", "y"]}), [True, False])
    assert len(rows) == 2
    assert rows[0] == b'{"a":1,"b":"x"}'
    assert rows[-1] is None
    assert list(rows) == [b'{"a":1,"b":"x"}', None]
    assert rows[0:1] == [b'{"a":1,"b":"x"}']
    with pytest.raises(IndexError):
        rows[2]
