"""The jars by which Flink and Spark speak to Kafka; PyPI does not have them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instream.engines.jars import cache_folder, jars
from instream.errors import SetUpFailed
from instream.settings import Pipeline

Engine = Literal["flink", "spark"]


@dataclass(frozen=True, slots=True)
class Needed:
    """What an engine needs: jars whose names begin so, in the versions that its pom pins."""

    folder: str
    jars: Sequence[str]


NEEDED: Mapping[Engine, Needed] = {
    "flink": Needed("flink-kafka-5.0.0-2.2", ("flink-sql-connector-kafka-5.0.0-2.2",)),
    "spark": Needed(
        "spark-kafka-4.2.0",
        ("spark-sql-kafka-0-10_2.13-4.2.0", "spark-token-provider-kafka-0-10_2.13-4.2.0", "kafka-clients-3.9.2", "commons-pool2-2.13.1"),
    ),
}


def fetch(engine: Engine) -> Path:
    """Fetch the jars with Maven, unless they are there. Raises SetUpFailed."""
    return jars(Path(__file__).with_name(f"{engine}.pom.xml"), NEEDED[engine].folder)


def take(engine: Engine, given: Path) -> Path:
    """Copy the jars from a folder that somebody filled, where no Maven is. Raises SetUpFailed, naming those that are not there."""
    found = _among(engine, given)
    folder = cache_folder() / NEEDED[engine].folder
    folder.mkdir(parents=True, exist_ok=True)
    for jar in found:
        shutil.copy2(jar, folder / jar.name)
    return folder


def kafka_jars(engine: Engine, settings: Pipeline | None = None) -> Sequence[Path]:
    """The jars for a run, absolute.

    Args:
        settings: where `engine.jars` may name a folder; by default what was fetched is taken.
    Raises:
        SetUpFailed: some are not there.
    """
    if settings is None or settings.engine.jars is None:
        return _among(engine, cache_folder() / NEEDED[engine].folder)
    return _among(engine, settings.folder / settings.engine.jars)


def _among(engine: Engine, folder: Path) -> Sequence[Path]:
    needed = NEEDED[engine].jars
    found = {name: next(iter(sorted(folder.glob(f"{name}*.jar"))), None) for name in needed}
    absent = [f"{name}.jar" for name, path in found.items() if path is None]
    if absent:
        raise SetUpFailed(
            f"{engine} cannot speak to Kafka: {', '.join(absent)} not in {folder}; run `instream engine setup {engine}`, or "
            f"`instream engine setup {engine} --jars DIR` with a folder that has them (from Maven Central)"
        )
    return [path.resolve() for path in found.values() if path is not None]
