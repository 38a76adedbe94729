"""One snapshot: everything that a batch is scored with, from entry to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from instream.features import FeatureStep
from instream.head import Revision
from instream.package import Manifest, Version
from instream.predictor import LoadedModel
from instream.signature import schema_of

FromPackage = Literal["package"]
FeatureChoice = FeatureStep | FromPackage | None
"""Who makes the model's inputs: a local step (in the pipeline), the step published with each version, or nobody."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A version that was loaded, proved and warmed, and the head that asked for it.

    Attributes:
        head: 0 when pinned.
        features: run inside the snapshot; None when the inputs come ready.
        requires: the columns that it reads: the model's inputs, or the raw fields of `features`.
        produces: the columns that it gives, in the pipeline's order.
        nbytes: memory held, an estimate.
    """

    name: str
    head: Revision
    version: Version
    model: LoadedModel
    features: FeatureStep | None
    requires: pa.Schema
    produces: pa.Schema
    nbytes: int

    @property
    def label(self) -> str:
        """For messages: `delay@3`."""
        return f"{self.name}@{self.version}"


def required_by(manifest: Manifest, features: FeatureChoice) -> pa.Schema:
    """The columns that a version reads: raw fields where its own feature step runs, else the model's inputs."""
    return schema_of(manifest.requires if features == "package" else manifest.signature.inputs)
