from __future__ import annotations

from typing import Any

import msgspec
import pytest

from instream.deploy.rules import refuse_impossible
from instream.deploy.work import Run, Work, work_of
from instream.errors import SettingsInvalid
from instream.settings import Pipeline

KAFKA = {"url": "kafka://h1:9092/flights"}


def settings(**tables: Any) -> Pipeline:
    return Pipeline.model_validate({"name": "delays", "model": {"name": "delay"}, "source": KAFKA, "sink": KAFKA} | tables)


def exactly_once(**tables: Any) -> Pipeline:
    return settings(delivery={"mode": "exactly_once"}, **tables)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (settings(sink=None), r"\[sink\] missing.*instream init"),
        (exactly_once(sink={"url": "out.jsonl"}), r"transactions cannot cover the sink out\.jsonl.*at_least_once"),
        (exactly_once(source={"url": "-"}), r"cannot cover the source -"),
        (exactly_once(dead_letter={"url": "dead.jsonl"}), r"cannot cover the dead letter dead\.jsonl"),
        (exactly_once(sink={"url": "kafka://h2:9092/out"}), "source, sink are on different clusters"),
        (exactly_once(dead_letter={"options": {"linger.ms": 5}}), r"dead_letter\.options with .* sink\.options; move them there"),
        (settings(engine={"workers": 2}, source={"url": "in.jsonl"}), r"source in\.jsonl is used by one process; --workers 1"),
        (settings(engine={"workers": 2}, sink={"url": "-"}), "sink - is used by one process"),
    ],
)
def test_what_cannot_run_is_refused_with_its_fix(asked: Pipeline, message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        refuse_impossible(asked, Run())


def test_a_limit_is_for_one_worker() -> None:
    with pytest.raises(SettingsInvalid, match="--limit 10 with 2 workers"):
        refuse_impossible(settings(engine={"workers": 2}), Run(limit=10))


def test_a_trial_needs_no_transactions() -> None:
    refuse_impossible(exactly_once(sink={"url": "-"}), Run(limit=10))


@pytest.mark.parametrize("asked", [settings(), exactly_once(), exactly_once(dead_letter={"url": "kafka://h1:9092/dead"})])
def test_what_can_run_is_not_refused(asked: Pipeline) -> None:
    refuse_impossible(asked, Run())


def test_secrets_travel_as_references() -> None:
    asked = settings(source=KAFKA | {"options": {"sasl.password": "${env:KAFKA_PASSWORD}"}}, limits={"bytes": "16MiB"})
    work = work_of(asked, Run(limit=3))
    assert b"${env:KAFKA_PASSWORD}" in work
    received = msgspec.json.decode(work, type=Work)
    assert received.pipeline() == asked
    assert received.run == Run(limit=3)
