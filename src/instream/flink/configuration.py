"""Settings to Flink's configuration."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from instream.errors import SettingsInvalid
from instream.settings import Pipeline

HOLD_S = 300.0
"""How long a batch waits for a predictor that is away before its task fails and is tried again."""

FOLDER = "pipeline"
"""Where a cluster's worker finds what was packed for it, in its working directory."""

_CHECKPOINT_S_MAX = 2 * HOLD_S  # a checkpoint waits for the batch before it
_BUNDLE_ROWS_MAX = 10_000
_BUNDLE_MS_MAX = 1_000
_FAILED_CHECKPOINTS_MAX = 10
_METRICS_MS = 1_000
_RATE_S = 600.0  # more than engine.restarts failures within so long end the job
_REST_PORT = 8081


def configuration_of(
    settings: Pipeline, *, jars: Sequence[Path], states: str, restore: str | None, place: Mapping[str, object]
) -> Mapping[str, str]:
    """What a job of this pipeline runs with; `engine.options` has the last word.

    Args:
        states: URL of the folder for checkpoints and savepoints.
        restore: URL of the state to go on from.
        place: see `here` and `there`.
    """
    ours: dict[str, object] = {
        "pipeline.name": settings.name,
        "pipeline.jars": ";".join(jar.as_uri() for jar in jars),
        "parallelism.default": tasks_of(settings),
        "pipeline.object-reuse": True,  # none of the job's operators keeps a row that it passes on
        "table.local-time-zone": "UTC",
        **place,
        **workers_of(settings),
        **_checkpoints(settings, states),
        **_restarts(settings),
    }
    if restore is not None:
        ours["execution.state-recovery.path"] = restore
        ours["execution.state-recovery.claim-mode"] = "CLAIM"  # it goes when a newer one is complete
    return _texts({**ours, **settings.engine.options})


def probe_configuration_of(settings: Pipeline, place: Mapping[str, object]) -> Mapping[str, str]:
    """What the small job runs with that looks at a cluster's workers: no state, no connector."""
    ours = {"pipeline.name": f"{settings.name}: versions of the workers", "parallelism.default": tasks_of(settings)}
    return _texts({**ours, **place, **workers_of(settings), **settings.engine.options})


def tasks_of(settings: Pipeline) -> int:
    """How many tasks score."""
    return settings.engine.scoring or settings.engine.workers


def here(port: int) -> Mapping[str, object]:
    """A cluster inside this process's JVM, whose REST interface and web UI are on the loopback interface."""
    return {
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": port,
        "rest.bind-port": port,
        "metrics.fetcher.update-interval": _METRICS_MS,
    }


def there(cluster: str, archive: Path | None) -> Mapping[str, object]:
    """A session cluster.

    Args:
        cluster: http://host:port of its REST interface.
        archive: goes to each worker, where it is the folder `FOLDER`.
    Raises:
        SettingsInvalid: it is no such URL.
    """
    url = urlsplit(cluster)
    if url.scheme != "http" or url.hostname is None:
        raise SettingsInvalid(f"--cluster {cluster}: expected http://host:8081, the REST interface of a session cluster")
    found: dict[str, object] = {"execution.target": "remote", "rest.address": url.hostname, "rest.port": url.port or _REST_PORT}
    return found if archive is None else {**found, "python.archives": f"{archive}#{FOLDER}"}


def workers_of(settings: Pipeline) -> Mapping[str, object]:
    """How the Python workers run."""
    rows = min(settings.limits.rows, _BUNDLE_ROWS_MAX)
    return {
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "python.fn-execution.arrow.batch.size": rows,
        "python.fn-execution.bundle.size": rows,
        "python.fn-execution.bundle.time": min(settings.delivery.interval_ms, _BUNDLE_MS_MAX),
        "python.metric.enabled": True,
    }


def _checkpoints(settings: Pipeline, states: str) -> Mapping[str, object]:
    return {
        "execution.checkpointing.interval": f"{settings.engine.checkpoint_ms} ms",
        "execution.checkpointing.mode": settings.delivery.mode.upper(),
        "execution.checkpointing.timeout": f"{_CHECKPOINT_S_MAX:.0f} s",
        "execution.checkpointing.tolerable-failed-checkpoints": _FAILED_CHECKPOINTS_MAX,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.dir": states,
        "execution.checkpointing.savepoint-dir": states,
    }


def _restarts(settings: Pipeline) -> Mapping[str, object]:
    if settings.engine.restarts == 0:
        return {"restart-strategy.type": "none"}
    return {
        "restart-strategy.type": "failure-rate",  # fixed-delay counts over the whole life of a job, which may be years
        "restart-strategy.failure-rate.max-failures-per-interval": settings.engine.restarts,
        "restart-strategy.failure-rate.failure-rate-interval": f"{_RATE_S:.0f} s",
        "restart-strategy.failure-rate.delay": f"{settings.engine.restart_ms} ms",
    }


def _texts(given: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in given.items()}
