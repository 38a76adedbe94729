"""`instream run --engine flink`: a pipeline on a cluster of Flink's inside this process's JVM, Kafka to Kafka."""

from __future__ import annotations

import contextlib
import time

from instream.deploy import Run
from instream.engines.java import check_java
from instream.engines.kafka_jars import kafka_jars
from instream.errors import Unavailable
from instream.flink.ends import ends_of
from instream.flink.launch import Launch
from instream.flink.rounds import Rounds
from instream.flink.running import Say
from instream.flink.states import States
from instream.flink.surroundings import check_surroundings, set_surroundings
from instream.hosted import Hosted, job_of
from instream.hosted.asked import asked_to_end
from instream.hosted.exposed import exposed
from instream.settings import Pipeline

_KEPT_S = 86_400.0  # states that no run can go on from


def run(settings: Pipeline, run: Run, say: Say) -> None:
    """Run until the source ends or somebody asks for an end.

    Raises:
        InstreamError: it cannot start, or ended for good; says why, and what to do.
        SystemExit: asked to end, it could not within `engine.grace_s`; nothing is lost.
    """
    check_java("flink")
    check_surroundings()
    jars = kafka_jars("flink", settings)
    ends = ends_of(settings, run)
    load_once(settings)
    log = set_surroundings(settings)
    states = States(settings)
    with exposed(settings, say), states.alone(), asked_to_end() as asked:
        states.tidy(int((time.time() - _KEPT_S) * 1000))
        Rounds(Launch(settings, ends, jars, states, log), run, say, asked).play()


def load_once(settings: Pipeline) -> None:
    """What is wrong with store, model, fields or feature step is said here, and not by a worker of Flink's."""
    with contextlib.suppress(Unavailable), contextlib.closing(Hosted(job_of(settings))):
        pass
