"""What Flink makes of the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream.connectors.url import KafkaUrl
from instream.engines.kafka_jars import kafka_jars
from instream.flink.configuration import configuration_of, here
from instream.flink.ends import End, Ends
from instream.flink.launch import register, table_environment
from instream.settings import Pipeline


@pytest.mark.slow
def test_the_function_runs_once_a_record(tmp_path: Path) -> None:
    """Value, header and filter hang on one call, whose arguments are value and place alone; key and headers go beside it."""
    settings = Pipeline.model_validate(
        {"name": "delays", "model": {"name": "delay"}, "source": {"url": "-"}, "output": {"source_id": True}, "folder": tmp_path}
    )
    ends = Ends(End(KafkaUrl("h:1", "in"), {}, {}), End(KafkaUrl("h:1", "out"), {}, {}), KafkaUrl("h:1", "dead"))
    configuration = configuration_of(settings, jars=kafka_jars("flink"), states=tmp_path.as_uri(), restore=None, place=here(1))
    tables = table_environment(configuration)
    plan = tables.explain_sql(register(tables, settings, ends, {0: 5, 1: 0}))
    physical = plan.partition("== Optimized Physical Plan ==")[2].partition("== Optimized Execution Plan ==")[0]
    assert physical.count("score(") == 1
    assert "score(value, partition, offset) AS r]" in physical
    assert physical.count("PythonCalc(") == 1
    assert physical.count("Sink(") == 1
