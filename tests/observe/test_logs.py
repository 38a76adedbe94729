import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from instream.observe import logs


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_an_event_with_facts_as_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs.get("live").info("head adopted", model="delay", load_ms=180)
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) | {"event": "head adopted", "room": "live", "load_ms": 180} == json.loads(err)


def test_a_closed_stream_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower's thread once ended with the terminal that had started it."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure()
    log = logs.get("live")
    stream.close()
    log.warning("nobody reads this")
