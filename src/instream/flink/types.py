"""Types of Arrow, in which models speak, and those of Flink's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from pyflink.table import DataTypes
from pyflink.table.types import DataType, to_arrow_type

from instream.codecs.arrow_cast import cast_for
from instream.codecs.fields import Field
from instream.errors import SettingsInvalid
from instream.signature import type_text

_FLINK: Mapping[pa.DataType, Callable[[], Any]] = {
    pa.bool_(): DataTypes.BOOLEAN,
    pa.int8(): DataTypes.TINYINT,
    pa.int16(): DataTypes.SMALLINT,
    pa.int32(): DataTypes.INT,
    pa.int64(): DataTypes.BIGINT,
    pa.float32(): DataTypes.FLOAT,
    pa.float64(): DataTypes.DOUBLE,
    pa.string(): DataTypes.STRING,
}


def flink_type(name: str, kind: pa.DataType) -> DataType:
    """The type of an output's column. Raises SettingsInvalid for one that Flink has not."""
    if pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        return DataTypes.ARRAY(flink_type(name, kind.value_type))
    if kind not in _FLINK:
        raise SettingsInvalid(f"the model's output {name} is {kind}, which no type of Flink's tables stands for")
    return _FLINK[kind]()


def arrow_type(column: str, kind: DataType, field: Field) -> pa.DataType:
    """What a column of a table is as Arrow.

    Raises:
        SettingsInvalid: the model's field cannot be read from it; says how to convert it.
    """
    try:
        found = to_arrow_type(kind)
    except ValueError:
        found = None
    if found is None or (field.pointer.lstrip("/") == column and cast_for(found, field.type) is None):
        raise SettingsInvalid(
            f"the model reads {field.name} as {type_text(field.type)}, and the table's column {column} is {kind}: convert it before, "
            f"with CAST({column} AS …), or let the feature step take it as it is ([source.fields])"
        )
    return found
