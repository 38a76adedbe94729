"""What a server says of itself and of a model in Open Inference v2 over REST."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from instream.wire.inputs import datatype_of, shape_of

EXTENSIONS = ("binary_tensor_data", "arrow_stream")


def server(version: str) -> bytes:
    """Server metadata."""
    return msgspec.json.encode({"name": "instream", "version": version, "extensions": EXTENSIONS})


def model(name: str, version: int, requires: pa.Schema, produces: pa.Schema) -> bytes:
    """Model metadata."""
    return msgspec.json.encode(
        {"name": name, "versions": [str(version)], "platform": "instream", "inputs": _tensors(requires), "outputs": _tensors(produces)}
    )


def _tensors(schema: pa.Schema) -> list[dict[str, object]]:
    return [{"name": field.name, "datatype": datatype_of(field.type), "shape": shape_of(field.type, -1)} for field in schema]
