"""What a server of ours says of a model to a pipeline that will call it."""

from __future__ import annotations

import msgspec

from instream.package import Version
from instream.signature import Field


class About(msgspec.Struct, frozen=True):
    """A model behind a server, and how it may be asked.

    Attributes:
        head, versions, refused: as in predictor.Readiness.
        rows, nbytes: of one request, at most.
    """

    name: str
    requires: tuple[Field, ...]
    produces: tuple[Field, ...]
    ready: bool
    reason: str
    head: int
    versions: tuple[Version, ...]
    refused: str
    rows: int
    nbytes: int
