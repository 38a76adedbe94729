from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from instream.codecs import Decoder, Encoder, decoder, encoder
from instream.testing.codecs import CodecLaws
from instream.testing.json_records import ECHO, FIELDS, RECORD_BYTES_MAX, keyed_json


class TestJson(CodecLaws):
    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        return keyed_json(300)

    @pytest.fixture
    def decoder(self) -> Decoder:
        return decoder("json", FIELDS, ECHO, RECORD_BYTES_MAX)

    @pytest.fixture
    def encoder(self) -> Encoder:
        return encoder("json", ECHO, pa.schema([pa.field(field.name, field.type) for field in FIELDS]))

    def reread(self, written: Sequence[bytes | None]) -> list[dict[str, Any]]:
        read = [json.loads(value or b"") for value in written]
        return [{field.name: record[field.name] for field in FIELDS} for record in read]
