import pytest

from instream.drafting import find_fields, likely_ids
from instream.signature import Field

DELAY = Field("dep_delay", "float64")


@pytest.mark.parametrize(
    ("record", "pointer"),
    [
        ({"dep_delay": 3.0}, "/dep_delay"),
        ({"payload": {"after": {"dep_delay": 3.0}}}, "/payload/after/dep_delay"),
        ({"depDelay": 3.0}, "/depDelay"),
        ({"a/b": {"dep_delay": 3.0}}, "/a~1b/dep_delay"),
        ({"dep_delay": "late", "numbers": {"dep_delay": 3.0}}, "/numbers/dep_delay"),
        ({"dep_delay": 3.0, "before": {"dep_delay": 2.0}}, "/dep_delay"),
        ({"delay": 3.0}, None),
    ],
)
def test_a_field_is_found_by_name_type_and_depth(record: dict[str, object], pointer: str | None) -> None:
    assert find_fields([DELAY], [record])[0].pointer == pointer


def test_nulls_count_as_absent() -> None:
    found = find_fields([DELAY], [{"dep_delay": 1}, {"dep_delay": None}, {}, {"dep_delay": 2}])[0]
    assert (found.pointer, found.present) == ("/dep_delay", 0.5)


def test_a_list_fits_by_its_length() -> None:
    found = find_fields([Field("x", "float32[2]")], [{"x": [1, 2, 3], "inner": {"x": [1, 2]}}])[0]
    assert found.pointer == "/inner/x"


def test_the_id_is_what_tells_records_apart_and_is_no_input() -> None:
    records = [{"n": i * 2, "flight_id": i, "dep_delay": float(i), "same": 1, "half": i} for i in range(10)]
    assert likely_ids(records, find_fields([DELAY], records)) == ("flight_id",)
    assert likely_ids([{"same": 1}, {"same": 1}], []) == ()
    assert likely_ids([{"event": {"id": i, "n": i}} for i in range(3)], []) == ("/event/id",)
    assert likely_ids([{"event": {"n": i}} for i in range(3)], []) == ()
