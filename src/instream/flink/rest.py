"""What Flink's REST interface tells of a job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

_ANSWER_S = 5.0
_COUNTS = ("records_in", "records_out", "dead_letters", "filtered")
_open = build_opener(ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one job since it began or was restored; `restarts` and `checkpoints` too."""

    records_in: int = 0
    records_out: int = 0
    dead_letters: int = 0
    filtered: int = 0
    restarts: int = 0
    checkpoints: int = 0


class Rest:
    """Of one job. An answer that does not come is no fault of the job's: it is left out."""

    def __init__(self, base: str, job: str) -> None:
        self._job = f"{base}/jobs/{job}"
        self._metrics: dict[str, dict[str, str]] = {}  # vertex: our name: Flink's

    def failures(self) -> Sequence[str]:
        """Stack traces of the newest failures, the newest first."""
        found = self._get("/exceptions?maxExceptions=5")
        return [str(entry.get("stacktrace", "")) for entry in found.get("exceptionHistory", {}).get("entries", ())]

    def is_up(self) -> bool:
        """Whether every task runs, or has come to its end."""
        states = [vertex["status"] for vertex in self._get("").get("vertices", ())]
        return bool(states) and all(state in ("RUNNING", "FINISHED") for state in states)

    def counts(self) -> Counts:
        told = self._get("")
        sums = dict.fromkeys(_COUNTS, 0)
        for vertex in told.get("vertices", ()):
            for name, count in self._ours(str(vertex["id"])).items():
                sums[name] += count
        checkpoints = self._get("/checkpoints").get("counts", {})
        return Counts(**sums, restarts=self._restarts(), checkpoints=int(checkpoints.get("completed", 0)))

    def _restarts(self) -> int:
        found = self._get("/metrics?get=numRestarts")
        return int(float(found[0]["value"])) if isinstance(found, list) and found else 0

    def _ours(self, vertex: str) -> Mapping[str, int]:
        base = f"/vertices/{vertex}/subtasks/metrics"
        names = self._metrics.setdefault(vertex, {})
        if not names:
            for metric in self._listed(base):
                ours = str(metric["id"]).rpartition(".instream.")[2]
                if ours in _COUNTS:
                    names[ours] = str(metric["id"])
        if not names:
            return {}
        wanted = ",".join(quote(name, safe="") for name in names.values())
        sums = {metric["id"]: metric["sum"] for metric in self._listed(f"{base}?get={wanted}&agg=sum")}
        return {ours: int(sums[flinks]) for ours, flinks in names.items() if flinks in sums}

    def _listed(self, path: str) -> list[dict[str, Any]]:
        found = self._get(path)
        return found if isinstance(found, list) else []

    def _get(self, path: str) -> Any:
        try:
            with _open(self._job + path, timeout=_ANSWER_S) as answer:
                return json.load(answer)
        except (URLError, OSError, ValueError):
            return {}
