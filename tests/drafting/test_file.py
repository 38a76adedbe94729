import re
from pathlib import Path

from instream import settings
from instream.drafting import Given, draft, find_fields
from instream.signature import Field

GIVEN: Given = {"model": {"name": "delay"}, "source": {"url": "in.jsonl"}, "sink": {"url": "-"}, "output": {"echo": ("id",)}}
RECORD = {"id": 1, "payload": {"depDelay": 3.5}, "dest": "LHR"}
FIELDS = find_fields([Field("dep_delay", "float64"), Field("dest", "string")], [RECORD])


def test_the_file_says_what_was_found(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, draft("delays", GIVEN, FIELDS))
    assert loaded.name == "delays"
    assert loaded.output.echo == ("id",)
    assert loaded.source is not None
    assert loaded.source.fields == {"dep_delay": "/payload/depDelay"}


def test_every_setting_is_shown_with_a_default_that_loads(tmp_path: Path) -> None:
    text = draft("delays", GIVEN, FIELDS)
    bare = loaded_from(tmp_path, text)
    uncommented = re.sub(r"(?m)^# (\w+ = )(?!\"…\")", r"\1", text)
    assert loaded_from(tmp_path, uncommented) == bare
    for section, part in settings.Pipeline.model_fields.items():
        if section not in ("name", "folder"):
            assert f"[{section}]" in text, part


def test_flat_records_need_no_fields(tmp_path: Path) -> None:
    flat = find_fields([Field("dest", "string")], [RECORD])
    loaded = loaded_from(tmp_path, draft("delays", GIVEN, flat))
    assert loaded.source is not None
    assert loaded.source.fields == {}


def loaded_from(folder: Path, text: str) -> settings.Pipeline:
    path = folder / "delays.toml"
    path.write_text(text)
    return settings.load(path)
