"""Peers in Java, built by Maven outside the checkout."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from instream.engines.jars import cache_folder


def built(project: Path) -> Path:
    """The folder with `peer.jar` and `libs/` of a project; built unless these sources were built before."""
    digest = hashlib.sha256()
    for source in sorted([project / "pom.xml", *project.glob("src/**/*.java"), *project.glob("../java-shared/**/*.java")]):
        digest.update(source.read_bytes())
    folder = cache_folder() / f"bench-{project.name}-{digest.hexdigest()[:12]}"
    if not (folder / "ready").exists():
        subprocess.run(["mvn", "-q", "-B", "-f", str(project / "pom.xml"), f"-Dbuild.folder={folder}", "package"], check=True)
        (folder / "ready").touch()
    return folder
