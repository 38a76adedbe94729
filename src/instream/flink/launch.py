"""A pipeline as a job of Flink's, started."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

from instream.errors import SetUpFailed
from instream.flink.configuration import FOLDER, HOLD_S, configuration_of, here, there
from instream.flink.ends import Ends
from instream.flink.failures import cause_in
from instream.flink.function import function_of
from instream.flink.running import Running
from instream.flink.states import Kind, State, States
from instream.flink.tables import FUNCTION, job_of
from instream.hosted import job_of as hosted_job_of
from instream.settings import Pipeline


@dataclass(frozen=True, slots=True)
class Launch:
    """All that every round of a run shares.

    Attributes:
        log: where Flink tells the whole story.
        cluster: URL of a session cluster; None starts a cluster for each job here.
        archive: what the workers of a cluster need of the pipeline's folder.
    """

    settings: Pipeline
    ends: Ends
    jars: Sequence[Path]
    states: States
    log: Path
    cluster: str | None = None
    archive: Path | None = None

    def start(self, kind: Kind, until: Mapping[int, int] | None, state: State | None) -> Running:
        """Start a job; it is accepted, and comes up. Raises SetUpFailed."""
        port = _free_port()
        url = self.cluster or f"http://127.0.0.1:{port}"
        configuration = configuration_of(
            self.settings,
            jars=self.jars,
            states=self.states.folder(kind),
            restore=None if state is None else state.url,
            place=here(port) if self.cluster is None else there(self.cluster, self.archive),
        )
        try:
            tables = table_environment(configuration)
            client = tables.execute_sql(
                register(tables, self.settings, self.ends, until, None if self.cluster is None else FOLDER)
            ).get_job_client()
        except Py4JJavaError as error:
            raise SetUpFailed(f"Flink does not take the job: {cause_in(str(error))}\nThe whole story is in {self.log}") from None
        if client is None:
            raise SetUpFailed(f"Flink accepted the job and gave no handle for it; see {self.log}")
        return Running(client, url, self.log)


def table_environment(configuration: Mapping[str, str]) -> TableEnvironment:
    made = Configuration()
    for key, value in configuration.items():
        made.set_string(key, value)
    return TableEnvironment.create(EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(made).build())


def register(tables: TableEnvironment, settings: Pipeline, ends: Ends, until: Mapping[int, int] | None, folder: str | None = None) -> str:
    """Make tables and function known; the SQL that is the job.

    Args:
        until: where each partition ends; None for no end.
        folder: of the pipeline where it is scored; None where that is this machine's.
    """
    job = job_of(settings, ends, until)
    tables.execute_sql(job.source)
    tables.execute_sql(job.sink)
    hosted = hosted_job_of(settings, hold_s=HOLD_S)
    tables.create_temporary_function(FUNCTION, function_of(hosted, ends.source.url.topic, FUNCTION, folder))
    return job.insert


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
