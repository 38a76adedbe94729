"""What cannot run together, said before anything starts."""

from __future__ import annotations

from urllib.parse import urlsplit

from instream.deploy.work import STANDARD, Run
from instream.errors import SettingsInvalid
from instream.secrets import redact_url, resolve
from instream.settings import Pipeline


def refuse_impossible(settings: Pipeline, run: Run) -> None:
    """Raises SettingsInvalid for what no worker could do; says the setting and what to change."""
    parts = {"[source]": settings.source, "source.url": settings.source is None or settings.source.url, "[sink]": settings.sink}
    if not all(parts.values()):
        absent = " and ".join(name for name, there in parts.items() if not there)
        raise SettingsInvalid(f"{settings.name}: {absent} missing, so there is nothing to run; `instream init` writes a complete file")
    if settings.engine.workers > 1:
        _one_worker_only(settings, run)
    if settings.delivery.mode == "exactly_once" and not run.is_trial(settings):
        _one_cluster(settings)


def _one_worker_only(settings: Pipeline, run: Run) -> None:
    count = settings.engine.workers
    for part, url in _places(settings).items():
        if _cluster(url) is None and not (part != "source" and run.is_trial(settings)):
            raise SettingsInvalid(
                f"engine.workers = {count}: {part} {redact_url(url)} is used by one process; --workers 1, or Kafka at every end"
            )
    if run.limit is not None:
        raise SettingsInvalid(f"--limit {run.limit} with {count} workers: each would take so many; --workers 1")


def _one_cluster(settings: Pipeline) -> None:
    places = _places(settings)
    for part, url in places.items():
        if _cluster(url) is None:
            raise SettingsInvalid(
                f'delivery.mode = "exactly_once", but Kafka\'s transactions cannot cover the {part.replace("_", " ")} {redact_url(url)}. '
                f'Use Kafka for source, sink and dead letters, or "at_least_once"'
            )
    if settings.dead_letter.options:
        raise SettingsInvalid(
            'dead_letter.options with delivery.mode = "exactly_once": one producer writes outputs and dead letters, with sink.options; '
            "move them there"
        )
    if len({_cluster(url) for url in places.values()}) > 1:
        raise SettingsInvalid(
            f'delivery.mode = "exactly_once", but {", ".join(places)} are on different clusters, which no transaction covers. '
            'Use one cluster, or "at_least_once"'
        )


def _places(settings: Pipeline) -> dict[str, str]:
    assert settings.source is not None
    assert settings.sink is not None
    urls = {"source": settings.source.url, "sink": settings.sink.url, "dead_letter": settings.dead_letter.url}
    return {part: resolve(url, settings.folder) for part, url in urls.items() if url is not None}


def _cluster(url: str) -> frozenset[str] | None:
    """The brokers of a Kafka URL; None for anything else."""
    parts = urlsplit(url)
    return frozenset(parts.netloc.rpartition("@")[2].split(",")) if url != STANDARD and parts.scheme == "kafka" else None
