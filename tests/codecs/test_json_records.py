"""Each kind of record alone: what it becomes, and what is said."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream.codecs import Decoded, Echo, Field, decoder, echo_of
from instream.codecs.json_decode import PART_ROWS
from instream.errors import SettingsInvalid
from instream.failures import Code
from instream.testing.codecs import seen
from instream.testing.json_records import BAD_JSON, ECHO, FIELDS, ODD_JSON, RECORD_BYTES_MAX, keyed_json

JSON = decoder("json", FIELDS, ECHO, RECORD_BYTES_MAX)


@pytest.mark.parametrize("kind", BAD_JSON)
def test_a_bad_record_fails_with_its_code(kind: str) -> None:
    value, code = BAD_JSON[kind]
    decoded = JSON.decode([value])
    assert (decoded.batch.num_rows, list(decoded.failures.codes)) == (0, [code]), decoded.failures
    assert 10 < len(decoded.failures.messages[0]) < 300


@pytest.mark.parametrize("kind", ODD_JSON)
def test_an_odd_record_is_decoded_as_python_would(kind: str) -> None:
    decoded = JSON.decode([ODD_JSON[kind]])
    assert len(decoded.failures) == 0, decoded.failures
    expected = json.loads(ODD_JSON[kind])
    assert decoded.batch.to_pylist() == [
        {"x": float(expected["x"]), "n": expected.get("n"), "s": expected.get("s"), "v": expected["deep"]["v"]}
    ]
    assert json.loads(bytes(decoded.echo[0][0])) == expected.get("id")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (BAD_JSON["text_for_number"][0], 'x: expected float64, got string "n/a"'),
        (BAD_JSON["null"][0], "x: expected float64, got null"),
        (BAD_JSON["missing"][0], "x: expected float64, got nothing"),
        (BAD_JSON["missing_inside"][0], "v (/deep/v): expected float32[2], got nothing"),
        (BAD_JSON["missing_object"][0], "v (/deep/v): expected float32[2], /deep is missing"),
        (BAD_JSON["null_object"][0], "v (/deep/v): expected float32[2], /deep is null"),
        (BAD_JSON["number_for_object"][0], "v (/deep/v): expected an object at /deep, got number 7"),
        (BAD_JSON["float_for_integer"][0], "n: expected int32, got number 3.0"),
        (BAD_JSON["bool_for_number"][0], "x: expected float64, got bool true"),
        (BAD_JSON["short_list"][0], "v (/deep/v): expected float32[2], got array [1]"),
        (BAD_JSON["nan"][0], "NaN is not JSON: let the producer write null, or leave the field out"),
        (BAD_JSON["array"][0], 'expected one JSON object, got array [{"id": "a", "x": 1, "deep": {"v": [1, 2]}}]'),
        (BAD_JSON["two_objects"][0], "expected one JSON object: JSON is malformed: trailing characters"),
        (BAD_JSON["utf8_in_echo"][0], "not UTF-8: byte 0xc3 at 8"),
        (BAD_JSON["too_large"][0], "5,054 bytes: at most limits.record_bytes = 5,000 are read"),
    ],
)
def test_a_message_says_what_was_expected_found_and_where(value: bytes, message: str) -> None:
    assert JSON.decode([value]).failures.messages[0].startswith(message)


def test_a_message_never_grows_with_the_record() -> None:
    value = b'{"id": 1, "x": "' + b"\xc3\xa9" * 1_000 + b'", "deep": {"v": [1, 2]}}'
    (message,) = JSON.decode([value]).failures.messages
    assert message == 'x: expected float64, got string "' + "é" * 59 + "…"


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (pa.int8(), -128, 127),
        (pa.int16(), -(2**15), 2**15 - 1),
        (pa.int32(), -(2**31), 2**31 - 1),
        (pa.int64(), -(2**63), 2**63 - 1),
        (pa.uint8(), 0, 255),
        (pa.uint16(), 0, 2**16 - 1),
        (pa.uint32(), 0, 2**32 - 1),
        (pa.uint64(), 0, 2**64 - 1),
    ],
)
@pytest.mark.parametrize("nullable", [False, True])
def test_integers_have_the_bounds_of_their_type(kind: pa.DataType, low: int, high: int, nullable: bool) -> None:
    decoded = decoder("json", [Field("n", "n", kind, nullable)], [], 10_000).decode(
        [json.dumps({"n": n}).encode() for n in (low - 1, low, 1, high, high + 1)]
    )
    assert decoded.batch.column("n").to_pylist() == [low, 1, high]
    assert decoded.failures.rows.tolist() == [0, 4]
    assert set(decoded.failures.codes) == {Code.OUT_OF_RANGE}


def test_a_list_of_the_largest_integers_is_bounded_too() -> None:
    decoded = decoder("json", [Field("n", "n", pa.list_(pa.uint64(), 2))], [], 10_000).decode(
        [b'{"n": [1, 18446744073709551615]}', b'{"n": [1, 18446744073709551616]}']
    )
    assert decoded.batch.column("n").to_pylist() == [[1, 2**64 - 1]]
    assert decoded.failures.rows.tolist() == [1]


def test_float32_has_the_bounds_of_its_type() -> None:
    decoded = decoder("json", [Field("x", "x", pa.float32())], [], 10_000).decode(
        [b'{"x": 3.4028234663852886e38}', b'{"x": -3.5e38}', b'{"x": 1e-60}', b'{"x": 16777217}']
    )
    assert decoded.batch.column("x").to_pylist() == [3.4028234663852886e38, 0.0, 16777216.0]
    assert list(decoded.failures.codes) == [Code.OUT_OF_RANGE]


def test_bools_and_texts_are_taken_as_they_are() -> None:
    decoded = decoder("json", [Field("b", "b", pa.bool_()), Field("s", "s", pa.string())], [], 10_000).decode(
        [b'{"b": true, "s": "\\ud83d\\ude00"}', b'{"b": false, "s": ""}', b'{"b": 1, "s": ""}', b'{"b": "true", "s": ""}']
    )
    assert decoded.batch.to_pylist() == [{"b": True, "s": "😀"}, {"b": False, "s": ""}]
    assert decoded.failures.rows.tolist() == [2, 3]


def test_a_field_may_be_echoed_and_decoded_at_once() -> None:
    """Two uses of one place, and of a place inside another."""
    echo = [echo_of("x"), echo_of("/deep"), echo_of("/deep/v")]
    decoded = decoder("json", FIELDS, echo, 10_000).decode(
        [b'{"x": 1.50, "deep": {"v": [1, 2.0]}}', b"{", b'{"x": 2, "deep": {"v": [3, 4]}}']
    )
    assert decoded.rows.tolist() == [0, 2]
    assert decoded.batch.column("x").to_pylist() == [1.5, 2.0]
    assert [[bytes(text) for text in column] for column in decoded.echo] == [
        [b"1.50", b"2"],
        [b'{"v": [1, 2.0]}', b'{"v": [3, 4]}'],
        [b"[1, 2.0]", b"[3, 4]"],
    ]


def test_a_place_may_be_read_in_two_types() -> None:
    """A record fails where either does, and the others stay side by side."""
    fields = [Field("x", "/a", pa.float64()), Field("n", "/a", pa.int64()), Field("s", "/b", pa.string())]
    decoded = decoder("json", fields, [echo_of("a")], 10_000).decode(
        [b'{"a": 1, "b": "p"}', b'{"a": 1.5, "b": "q"}', b'{"a": "x", "b": "r"}', b'{"a": 4, "b": "s"}', b'{"a": 5}', b'{"a": 6, "b": "t"}']
    )
    assert decoded.batch.to_pylist() == [{"x": 1.0, "n": 1, "s": "p"}, {"x": 4.0, "n": 4, "s": "s"}, {"x": 6.0, "n": 6, "s": "t"}]
    assert [bytes(text) for text in decoded.echo[0]] == [b"1", b"4", b"6"]
    assert decoded.failures.rows.tolist() == [1, 2, 4]
    assert decoded.failures.messages[0] == "n (/a): expected int64, got number 1.5"


def test_an_echo_inside_what_is_no_object_fails_the_record() -> None:
    decoded = decoder("json", [Field("x", "x", pa.float64())], [echo_of("/a/b/c")], 10_000).decode(
        [
            b'{"x": 1, "a": {"b": {"c": "d"}}}',
            b'{"x": 1, "a": {"b": 5}}',
            b'{"x": 1, "a": {"b": null}}',
            b'{"x": 1, "a": null}',
            b'{"x": 1}',
        ]
    )
    assert [bytes(text) for text in decoded.echo[0]] == [b'"d"', b"null", b"null", b"null"]
    assert list(decoded.failures.messages) == ["c (/a/b/c): expected an object at /a/b, got number 5"]


def test_nullable_fields_inside_optional_objects() -> None:
    fields = [Field("p", "/a/b/p", pa.float64(), True), Field("q", "/a/q", pa.int64(), True), Field("r", "/c/r", pa.string(), True)]
    decoded = decoder("json", fields, [], 10_000).decode(
        [b'{"a": {"b": {"p": 1}, "q": 2}, "c": {"r": "x"}}', b'{"a": {"b": null, "q": null}}', b'{"a": null, "c": {}}', b"{}"]
    )
    assert decoded.batch.to_pylist() == [
        {"p": 1.0, "q": 2, "r": "x"},
        {"p": None, "q": None, "r": None},
        {"p": None, "q": None, "r": None},
        {"p": None, "q": None, "r": None},
    ]


def test_pointers_reach_names_with_slashes_and_tildes() -> None:
    fields = [Field("x", "/a~1b/~0c", pa.float64()), Field("y", "plain~name", pa.float64()), Field("z", "/", pa.float64())][:2]
    decoded = decoder("json", fields, [], 10_000).decode([b'{"a/b": {"~c": 1}, "plain~name": 2}'])
    assert decoded.batch.to_pylist() == [{"x": 1.0, "y": 2.0}]


@pytest.mark.parametrize("pointer", ["", "/", "/a~2"])
def test_a_pointer_that_names_nothing_is_refused(pointer: str) -> None:
    with pytest.raises(SettingsInvalid, match="pointer"):
        decoder("json", [Field("x", pointer, pa.float64())], [], 10_000)


def test_a_batch_of_several_parts_is_the_same_as_one_of_each() -> None:
    values = keyed_json(2 * PART_ROWS + 300)
    parts: dict[int, Any] = {}
    for start in range(0, len(values), 700):
        parts |= seen(JSON.decode(values[start : start + 700]), start)
    assert seen(JSON.decode(values)) == parts
    typed = decoder("json", FIELDS, [Echo("key", "id", pa.string())], RECORD_BYTES_MAX).decode(
        [b'{"id": "a", "x": 1, "deep": {"v": [1, 2]}}'] * 4_100
    )
    assert pa.array(typed.echo[0]).to_pylist() == ["a"] * 4_100
    assert JSON.decode([None] * 4_100).batch.num_rows == 0


def test_a_type_that_json_cannot_have_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="timestamp"):
        decoder("json", [Field("x", "x", pa.timestamp("ms"))], [], 10_000)


quick = settings(deadline=None, max_examples=70, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
objects = st.fixed_dictionaries(
    {},
    optional={
        "id": anything,
        "x": st.one_of(scalars, anything),
        "n": st.one_of(st.integers(-(2**33), 2**33), scalars),
        "s": scalars,
        "deep": st.one_of(anything, st.fixed_dictionaries({"v": st.lists(st.floats(-10, 10, width=32), max_size=3)})),
        "more": anything,
    },
)


def expected_of(record: Any) -> dict[str, Any] | None:
    """The columns of a record by plain Python; None where it must fail."""
    x, n, s, deep = record.get("x"), record.get("n"), record.get("s"), record.get("deep")
    v = deep.get("v") if isinstance(deep, dict) else None
    fits = [
        _number(x),
        n is None or (type(n) is int and -(2**31) <= n < 2**31),
        s is None or isinstance(s, str),
        isinstance(v, list) and len(v) == 2 and all(_number(each) for each in v),
    ]
    return {"x": float(x), "n": n, "s": s, "v": v} if all(fits) else None


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


@quick
@given(st.lists(st.tuples(objects, st.sampled_from([None, 1]), st.booleans()), max_size=6))
def test_any_json_object_is_decoded_as_python_would(records: list[tuple[Any, int | None, bool]]) -> None:
    """Property: the same rows, values and echo as json.loads and a look at each field."""
    values = [json.dumps(record, indent=indent, ensure_ascii=ascii).encode() for record, indent, ascii in records]
    decoded = JSON.decode(values)
    expected = {row: told for row, (record, _, _) in enumerate(records) if (told := expected_of(record))}
    assert dict(zip(decoded.rows.tolist(), decoded.batch.to_pylist(), strict=True)) == expected
    assert echoed(decoded) == [records[row][0].get("id") for row in expected]


def echoed(decoded: Decoded) -> list[Any]:
    return [json.loads(bytes(text)) for text in decoded.echo[0]]


@quick
@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b'{"x": 1, "deep": {"v": [1, 2]}}')), max_size=6))
def test_any_bytes_become_rows_or_failures(values: list[bytes]) -> None:
    """Property: nothing that a producer can write raises, and what is decoded is what json.loads accepts."""
    decoded = JSON.decode(values)
    assert sorted([*decoded.rows.tolist(), *decoded.failures.rows.tolist()]) == list(range(len(values)))
    for row in decoded.rows.tolist():
        json.loads(values[row])
