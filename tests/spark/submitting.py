"""Submit a pipeline, as a command does: FILE CLUSTER [end]."""

from __future__ import annotations

import sys
from pathlib import Path

from instream.deploy import Run
from instream.errors import InstreamError
from instream.settings import load
from instream.spark import submit

if __name__ == "__main__":
    file, cluster, *until = sys.argv[1:]
    try:
        submit(load(Path(file), ["engine.kind=spark"]), Run(until="end" if until else None), cluster, lambda text: print(text, flush=True))
    except InstreamError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        sys.exit(1)
