"""`instream engine submit flink`: a pipeline for a session cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from instream.deploy import Run
from instream.engines.java import check_java
from instream.engines.kafka_jars import kafka_jars
from instream.errors import SettingsInvalid, SetUpFailed
from instream.flink.configuration import probe_configuration_of, tasks_of, there
from instream.flink.ends import ends_of
from instream.flink.launch import Launch, table_environment
from instream.flink.positions import Positions
from instream.flink.probe import versions_there
from instream.flink.rounds import first_state
from instream.flink.run import load_once
from instream.flink.running import Running, Say
from instream.flink.states import Kind, State, States
from instream.flink.surroundings import check_surroundings, set_surroundings
from instream.hosted.packing import pack
from instream.hosted.versions import refuse_different, versions
from instream.settings import Pipeline

_UP_S_MAX = 120.0


def submit(settings: Pipeline, run: Run, cluster: str, say: Say) -> None:
    """Give a pipeline to a session cluster; returns when every task runs there.

    Args:
        cluster: http://host:port of its REST interface.
    Raises:
        InstreamError: something cannot be used; the workers are not like this machine; or the job does not come up.
    """
    check_java("flink")
    check_surroundings()
    place = there(cluster, None)
    jars = kafka_jars("flink", settings)
    ends = ends_of(settings, run)
    load_once(settings)
    log = set_surroundings(settings)
    with tempfile.TemporaryDirectory(prefix="instream-pack-") as folder:
        archive = pack(settings, Path(folder))
        found = versions_there(table_environment(probe_configuration_of(settings, place)), tasks_of(settings))
        refuse_different(versions(), found)
        say(f"workers of {cluster}: {', '.join(sorted(found))}, with the versions of this machine")
        states = States(settings)
        state = first_state(settings, run, states)
        assert settings.source is not None
        positions = Positions(ends.source, settings.name)
        positions.begin(settings.source.start)
        if state is None:
            positions.check()
        kind: Kind = "endless" if run.until is None else "bounded"
        launch = Launch(settings, ends, jars, states, log, cluster.rstrip("/"), archive)
        running = launch.start(kind, _until(kind, state, states, positions), state)
        if not running.wait_until_up(_UP_S_MAX, say):
            raise SetUpFailed(
                f"the job {running.job} is not up after {_UP_S_MAX:.0f} s: are there {tasks_of(settings)} free slots? {cluster}"
            )
    say(_how_to_stop(settings, running, states.folder(kind)))


def _until(kind: Kind, state: State | None, states: States, positions: Positions) -> Mapping[int, int] | None:
    """Where the partitions end; what was submitted goes on without this process, so there is one round only."""
    if state is not None and state.kind != kind:
        asked, was = ("with --until end", "without") if kind == "bounded" else ("without --until end", "with it")
        raise SettingsInvalid(
            f"this job is {asked}, and the newest state, {state.url}, is of one {was}: submit it as before, or finish it here with "
            "`instream run --engine flink --until end`"
        )
    if kind == "endless":
        return None
    if state is not None:
        return states.ends()
    ends = positions.ends()
    states.keep_ends(ends)
    return ends


def _how_to_stop(settings: Pipeline, running: Running, folder: str) -> str:
    body = f'{{"targetDirectory": "{folder}", "drain": false}}'
    return (
        f"{settings.name} runs as job {running.job}: {running.url}/#/job/{running.job}. Stop it with a savepoint, from which the next run "
        f"goes on: curl -X POST {running.url}/jobs/{running.job}/stop -H 'Content-Type: application/json' -d '{body}'"
    )
