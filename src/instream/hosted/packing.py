"""What a cluster's workers need of a pipeline's folder, as one archive."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path

from instream.errors import SettingsInvalid
from instream.secrets import files_of, resolve
from instream.settings import Pipeline
from instream.strategies.local import PUBLISHED

FILES_MAX = 1_000
BYTES_MAX = 16 << 20
"""Of Python files. Where data is sent, too, ten times as many, and four times as large."""

_LEFT_OUT = ("__pycache__", "node_modules", "site-packages")
_DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")
"""A store that is a file: of a copy nobody would see a promotion."""


def pack(settings: Pipeline, into: Path, *, data: bool = False) -> Path:
    """Write the archive: the feature step with the Python files beside it, and the files that the pipeline file names.

    Args:
        into: a folder; the archive's name tells its content.
        data: also what else lies beside the feature step, which may read it; not checkpoints and SQLite databases.
    Raises:
        SettingsInvalid: the workers could not see the store, a file is not in the folder, or there is too much.
    """
    _refuse_local_store(settings)
    files_max, bytes_max = (10 * FILES_MAX, 4 * BYTES_MAX) if data else (FILES_MAX, BYTES_MAX)
    found = sorted({path: path.stat().st_size for path in islice(_needed(settings, data), files_max + 1)}.items())
    if len(found) > files_max or sum(size for _, size in found) > bytes_max:
        largest, size = max(found, key=itemgetter(1))
        raise SettingsInvalid(
            f"{settings.folder} has too much to send to a cluster: at most {files_max:,} files with {bytes_max >> 20} MiB. The largest "
            f"is {largest.relative_to(settings.folder)} ({size:,} bytes): put the pipeline file and its feature step into "
            "a folder of their own"
        )
    digest = hashlib.sha256()
    for path, _ in found:
        digest.update(f"{path.relative_to(settings.folder)}\0".encode() + path.read_bytes())
    archive = into / f"{settings.name}-{digest.hexdigest()[:12]}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("README", "What the workers of an instream pipeline need of its folder.\n")
        for path, _ in found:
            packed.write(path, path.relative_to(settings.folder))
    return archive


def _needed(settings: Pipeline, data: bool) -> Iterator[Path]:
    if settings.features.function not in (None, PUBLISHED):
        yield from (path for path in _beside(settings) if path.suffix == ".py" or (data and not path.name.endswith(_DATABASES)))
    named = files_of(settings.model_dump_json(exclude={"source", "sink", "dead_letter"}))
    for name in [*named, *([settings.strategy.ca] if settings.strategy.ca else [])]:
        path = settings.folder / name
        if Path(name).is_absolute():
            continue  # meant to be on every machine
        if not path.is_file() or settings.folder.resolve() not in path.resolve().parents:
            raise SettingsInvalid(
                f"{name}: no file in {settings.folder}, so it cannot be sent to the cluster; put it there, or name it absolutely"
            )
        yield path


def _beside(settings: Pipeline) -> Iterator[Path]:
    """Files that are not hidden; checkpoints are not looked through, which grow."""
    checkpoints = settings.folder / settings.engine.checkpoints
    folders = [settings.folder]
    while folders:
        for path in folders.pop().iterdir():
            if path.name.startswith(".") or path.name in _LEFT_OUT or path == checkpoints:
                continue
            if path.is_dir() and not path.is_symlink():  # a link may lead in a circle
                folders.append(path)
            elif path.is_file() and path.suffix != ".pyc":
                yield path


def _refuse_local_store(settings: Pipeline) -> None:
    if settings.strategy.kind == "remote" and settings.strategy.fallback != "embedded":
        return
    scheme, _, where = resolve(settings.model.store, settings.folder).partition("://")
    if scheme == "memory" or (scheme in ("sqlite", "file") and not where.startswith("//")):
        raise SettingsInvalid(
            f"model.store = {settings.model.store}: of this machine, and the workers of a cluster do not see it. Use PostgreSQL or "
            f"Cassandra, or a path that is the same for every worker, such as {scheme}:////srv/models"
        )
