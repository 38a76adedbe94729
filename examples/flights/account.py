"""What became of every record, and how right each version was on the records that it really scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from examples.flights.stream import Seen

Floats = npt.NDArray[np.float64]


class Output(msgspec.Struct, gc=False):
    """The fields of an output record that are looked at."""

    id: int
    version: int
    probabilities: list[float]
    parameters: int | None = None


@dataclass(frozen=True)
class Score:
    """One version on the records that it scored; `accuracy` and `log_loss` on those whose truth is known."""

    version: int
    records: int
    accuracy: float
    log_loss: float
    others_log_loss: float
    """Of the other version, on the same records: what it would have been without the swap."""


@dataclass(frozen=True)
class Account:
    """The whole stream.

    Attributes:
        outputs: id, version, parameters (their revision; 0 without), probability of being late, latency_ms, read_s (since the
            pace began), one row an output.
        start_ns: when the pace began, by the monotonic clock.
        calm: of each output, whether it was written while there was no backlog.
        backlog: records that came at once.
        backlog_s: from then until the last of them had its output.
        late: the truth of each record, by id; None where the flight never arrived.
        lost: records without output, dead letter or filtering.
    """

    outputs: pd.DataFrame
    start_ns: int
    late: Sequence[bool | None]
    records_in: int
    records_out: int
    dead: int
    filtered: int
    lost: int
    duplicated: int
    seconds: float
    promoted_s: float
    calm: npt.NDArray[np.bool_]
    backlog: int
    backlog_s: float
    scores: tuple[Score, ...]

    @property
    def rate(self) -> float:
        return len(self.outputs) / self.seconds

    def latency_ms(self, percentile: float) -> float:
        """Of the records that came at the pace."""
        return float(np.percentile(self.outputs["latency_ms"][self.calm], percentile))


Other = Callable[[int, Sequence[int]], Floats]
"""By version and ids: the probabilities of being late that the other version gives."""


def account(seen: Seen, late: Sequence[bool | None], late_position: int, dead: int, filtered: int, other: Other) -> Account:
    """Compare what went in with what came out.

    Args:
        late: the truth of each record; None where the flight never arrived.
        late_position: of `late` among the classes of the model's probabilities.
    """
    outputs = outputs_of(seen, late_position)
    distinct = int(outputs["id"].nunique())
    start = int(seen.written_ns[1])
    paced = outputs[outputs["id"] > 0]  # the first record waited for the pipeline to start
    calm, backlog_s = calm_of(paced, seen)
    return Account(
        outputs=paced,
        calm=calm,
        backlog=len(seen.backlog),
        backlog_s=backlog_s,
        start_ns=start,
        late=late,
        records_out=len(outputs),
        records_in=seen.written,
        dead=dead,
        filtered=filtered,
        lost=seen.written - distinct - dead - filtered,
        duplicated=len(outputs) - distinct,
        seconds=float(paced["read_s"].max()),
        promoted_s=(seen.promoted_ns - start) / 1e9,
        scores=tuple(score(version, outputs[outputs["version"] == version], late, other) for version in versions_of(outputs)),
    )


def outputs_of(seen: Seen, late_position: int) -> pd.DataFrame:
    """Every output line, with the time at which its last byte was readable."""
    decode, start = msgspec.json.Decoder(Output).decode, int(seen.written_ns[1])
    ids, versions, revisions, late, times, rest = [], [], [], [], [], b""
    for at_ns, chunk in seen.chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        found = [decode(line) for line in whole if line]
        ids += [one.id for one in found]
        versions += [one.version for one in found]
        revisions += [one.parameters or 0 for one in found]
        late += [one.probabilities[late_position] for one in found]
        times += [at_ns] * len(found)
    read = np.array(times, np.int64)
    latency = (read - seen.written_ns[ids]) / 1e6
    columns = {"id": ids, "version": versions, "parameters": revisions, "late": late, "latency_ms": latency, "read_s": (read - start) / 1e9}
    return pd.DataFrame(columns)


def calm_of(outputs: pd.DataFrame, seen: Seen) -> tuple[npt.NDArray[np.bool_], float]:
    """Which outputs had no backlog before them, and how long the backlog took."""
    written = seen.written_ns[outputs["id"]]
    if not seen.backlog:
        return np.ones(len(outputs), bool), 0.0
    began_ns = int(seen.written_ns[seen.backlog[0]])
    of_it = outputs["id"].between(seen.backlog[0], seen.backlog[-1])
    took_s = float(outputs["latency_ms"][of_it].max()) / 1e3
    return np.asarray((written < began_ns) | (written > began_ns + took_s * 1e9)), took_s


def versions_of(outputs: pd.DataFrame) -> list[int]:
    return sorted(int(version) for version in outputs["version"].unique())


def score(version: int, group: pd.DataFrame, late: Sequence[bool | None], other: Other) -> Score:
    truth, said = known(group, late)
    others = known(group.assign(late=other(version, group["id"].tolist())), late)[1]
    accuracy = float(((said > 0.5) == truth).mean())
    return Score(version, len(group), accuracy, log_loss(truth, said), log_loss(truth, others))


def log_loss(truth: npt.NDArray[np.bool_], said: Floats) -> float:
    said = np.clip(said, 1e-12, 1 - 1e-12)
    return float(-np.where(truth, np.log(said), np.log(1 - said)).mean())


def known(group: pd.DataFrame, late: Sequence[bool | None]) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Truth and probability of the outputs whose truth is known."""
    truth = [late[i] for i in group["id"]]
    rows = [row for row, value in enumerate(truth) if value is not None]
    return np.array([truth[row] for row in rows], bool), group["late"].to_numpy(np.float64)[rows]
