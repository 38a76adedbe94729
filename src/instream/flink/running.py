"""A job that runs, from here: how it is, how it is ended, and how it ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyflink.java_gateway import get_gateway

from instream.errors import InstreamError
from instream.flink.failures import cause_in, error_in, is_final
from instream.flink.rest import Counts, Rest

Say = Callable[[str], None]

_LOOK_S = 0.5
_SAY_S = 5.0


class Running:
    """One job."""

    def __init__(self, client: Any, url: str, log: Path) -> None:
        """Watch a job.

        Args:
            client: PyFlink's client of the job.
            url: of Flink's REST interface and web UI.
            log: where the whole story is, for messages.
        """
        self.url = url
        self.finished = False
        self._client = client._j_job_client
        self._result = self._client.getJobExecutionResult()  # asked now: a cluster for one job is gone with the job
        self._rest = Rest(url, str(client.get_job_id()))
        self._log = log
        self._said = Counts()
        self._say_at = time.monotonic() + _SAY_S

    def look(self, say: Say) -> bool:
        """Whether it goes on. Raises what ended it for good; then it runs no more."""
        if self._result.isDone():
            self._check()
            return False
        for trace in self._rest.failures():
            error = error_in(trace)
            if error is not None and is_final(error):
                self.cancel()
                raise error
        now = self._rest.counts()  # each time: Flink gathers them when it is asked, for the next who asks
        if time.monotonic() > self._say_at:
            self._say_at = time.monotonic() + _SAY_S
            self._progress(now, say)
        return True

    @property
    def job(self) -> str:
        """Flink's name for it."""
        return str(self._client.getJobID().toString())

    def wait_until_up(self, within_s: float, say: Say) -> bool:
        """Whether every task runs, or has come to its end, in time. Raises what ended the job for good."""
        until = time.monotonic() + within_s
        while self.look(say) and not self._rest.is_up():
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_S)
        return True

    def wait_for_checkpoint(self, within_s: float, say: Say) -> None:
        """Until one is complete, at most so long."""
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.look(say) and not self._rest.counts().checkpoints:
            time.sleep(_LOOK_S)

    def stop(self, folder: str, within_s: float) -> str | None:
        """Stop with a savepoint in a folder.

        Returns:
            Its URL; None where the job had come to its end by itself (`finished`), or could not stop in time and is cancelled.
        Raises:
            InstreamError: what had ended the job for good.
        """
        jvm = get_gateway().jvm
        kind = jvm.org.apache.flink.core.execution.SavepointFormatType.CANONICAL
        until = time.monotonic() + within_s
        while (left_s := until - time.monotonic()) > 0 and not self._result.isDone():
            try:
                made = self._client.stopWithSavepoint(False, folder, kind)
                return str(made.get(int(left_s * 1000), jvm.java.util.concurrent.TimeUnit.MILLISECONDS))
            except Py4JJavaError:  # not running yet, a restart under way, or out of time
                time.sleep(min(_LOOK_S, max(0.0, until - time.monotonic())))
        if self._result.isDone():
            self._check()
        else:
            self.cancel()
        return None

    def cancel(self) -> None:
        """Returns when it has ended."""
        with contextlib.suppress(Py4JJavaError):  # it ended by itself
            self._client.cancel().get()
        with contextlib.suppress(Py4JJavaError):
            self._result.get()

    def _check(self) -> None:
        """Raises why it failed, if it did."""
        try:
            self._result.get()
            self.finished = True
        except Py4JJavaError as error:
            trace = str(error)
            ours = error_in(trace) or InstreamError(f"the job on Flink failed: {cause_in(trace)}\nThe whole story is in {self._log}")
            raise ours from None

    def _progress(self, now: Counts, say: Say) -> None:
        if now.records_in != self._said.records_in or now.restarts != self._said.restarts:
            restarts = f", {now.restarts} restarts" if now.restarts else ""
            say(
                f"{now.records_in:,} records in, {now.records_out:,} out, {now.dead_letters:,} dead letters, {now.filtered:,} filtered; "
                f"{now.checkpoints:,} checkpoints{restarts}"
            )
        self._said = now
