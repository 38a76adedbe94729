from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream.codecs import Field, decoder
from instream.rows import ArrowRows

KINDS = {"x": pa.float64(), "f": pa.float32(), "n": pa.int16(), "s": pa.string(), "b": pa.bool_(), "v": pa.list_(pa.int8(), 2)}
FOUND = {"x": pa.float64(), "f": pa.float64(), "n": pa.int64(), "s": pa.large_string(), "b": pa.bool_(), "v": pa.list_(pa.int64())}
rows = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "f": st.none() | st.floats(-1e30, 1e30),
            "n": st.none() | st.integers(-(2**17), 2**17),
            "s": st.none() | st.text(max_size=4),
            "b": st.none() | st.booleans(),
            "v": st.none() | st.lists(st.integers(-200, 200), min_size=1, max_size=3),
        }
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(rows, st.sets(st.sampled_from(sorted(KINDS))))
def test_a_record_is_the_same_as_text_and_as_a_row(given_rows: list[dict[str, Any]], nullable: set[str]) -> None:
    """Law 2, property: the same records are good, with the same columns, whether they came as JSON or in a Parquet file."""
    fields = [Field(name, name, kind, name in nullable) for name, kind in KINDS.items()]
    texts = decoder("json", fields, [], 10_000).decode([json.dumps(row).encode() for row in given_rows])
    batch = pa.RecordBatch.from_arrays([pa.array([row[name] for row in given_rows], FOUND[name]) for name in KINDS], names=list(KINDS))
    columns = decoder("arrow", fields, [], 10_000).decode(ArrowRows(batch))
    assert texts.rows.tolist() == columns.rows.tolist()
    assert texts.batch == columns.batch
