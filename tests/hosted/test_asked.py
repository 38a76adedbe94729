"""Signals to a command that runs an engine."""

from __future__ import annotations

import os
import signal

from instream.hosted.asked import asked_to_end


def test_who_listens_later_is_told_at_once_and_the_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    told: list[str] = []
    with asked_to_end() as asked:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as an engine's client does
        asked.listen()
        assert not asked
        os.kill(os.getpid(), signal.SIGTERM)
        asked.wait(5)
        assert asked
        asked.tell(lambda: told.append("first"))
        assert told == ["first"]
        os.kill(os.getpid(), signal.SIGINT)  # asks again; a second one would end this process
        asked.wait(5)
        assert told == ["first", "first"]
    assert signal.getsignal(signal.SIGTERM) is before
