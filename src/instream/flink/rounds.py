"""The rounds of a run, each a job.

A state of Flink's keeps not only positions but also where its partitions end. So a run with an end cannot go on from the
state of one without, nor the other way: a round before settles what is in it, and its positions become the group's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from instream.connectors import set_start
from instream.deploy import Run
from instream.flink.launch import Launch
from instream.flink.positions import Positions, positions_in
from instream.flink.running import Running, Say
from instream.flink.states import Kind, State, States
from instream.hosted.asked import Asked
from instream.process.exits import Exit
from instream.settings import Pipeline

_LOOK_S = 0.5
_SETTLED_S_MAX = 120.0


def first_state(settings: Pipeline, run: Run, states: States) -> State | None:
    """What to go on from. `--from` moves the group's positions, and leaves every state behind."""
    if run.start is None:
        return states.newest()
    assert settings.source is not None
    source = settings.source.model_copy(update={"start": run.start})
    set_start(source, group=settings.name, folder=settings.folder, limits=settings.limits)
    states.void()
    return None


class Rounds:
    """Of one run."""

    def __init__(self, launch: Launch, run: Run, say: Say, asked: Asked) -> None:
        self._launch = launch
        self._settings = launch.settings
        self._states = launch.states
        self._positions = Positions(launch.ends.source, launch.settings.name)
        self._run = run
        self._say = say
        self._asked = asked

    def play(self) -> None:
        """Until the end, or until somebody asks for one. Raises InstreamError, SystemExit."""
        state = first_state(self._settings, self._run, self._states)
        assert self._settings.source is not None
        self._positions.begin(self._settings.source.start)
        if state is not None and state.kind == "bounded":
            self._bounded(self._states.ends(), state)
            state = None
        elif state is not None and self._run.until is not None:
            self._settle(state)
            state = None
        if self._asked:
            return
        if state is None:
            self._positions.check()
        if self._run.until is not None:
            self._to_the_end()
        else:
            self._endless(state)

    def _to_the_end(self) -> None:
        ends, committed = self._positions.ends(), self._positions.committed()
        if any(end > committed.get(number, 0) for number, end in ends.items()):
            self._states.keep_ends(ends)
            self._bounded(ends, None)

    def _bounded(self, ends: Mapping[int, int], state: State | None) -> None:
        """To known ends, which become the group's positions."""
        running = self._start("bounded", ends, state)
        if self._watch(running) or self._stop(running, "bounded") is None:
            self._positions.commit(ends)
            self._states.void()

    def _endless(self, state: State | None) -> None:
        running = self._start("endless", None, state)
        if not self._watch(running):
            self._stop(running, "endless")

    def _settle(self, state: State) -> None:
        """Commit what waits in a state of an endless run, and make its positions the group's."""
        url = state.url
        if not state.is_savepoint:
            self._say("first finishing what the last run left open")
            running = self._start("endless", None, state)
            running.wait_for_checkpoint(_SETTLED_S_MAX, self._say)
            url = self._stop(running, "endless") or url
        self._positions.commit(positions_in(url))
        self._states.void()

    def _start(self, kind: Kind, until: Mapping[int, int] | None, state: State | None) -> Running:
        running = self._launch.start(kind, until, state)
        goes_on = "" if state is None else f", goes on from {state.url}"
        self._say(f"{self._settings.name} on Flink: {running.url}{goes_on}")
        return running

    def _watch(self, running: Running) -> bool:
        """Whether it came to its end by itself; else somebody asks."""
        while running.look(self._say):
            if self._asked:
                return False
            self._asked.wait(_LOOK_S)
        return True

    def _stop(self, running: Running, kind: Kind) -> str | None:
        """With a savepoint, whose URL this is; None where it came to its end by itself just before."""
        self._say("stopping with a savepoint")
        grace_s = self._settings.engine.grace_s
        made = running.stop(self._states.folder(kind), grace_s)
        if made is None and not running.finished:
            self._say(f"it could not finish within engine.grace_s = {grace_s:g}; nothing is lost, the next run repeats a part")
            sys.exit(Exit.UNFINISHED)
        return made
