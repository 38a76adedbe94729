"""One snapshot: everything that a batch is scored with, from entry to end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from instream.features import FeatureStep
from instream.flow.deadline import Deadline
from instream.head import Revision
from instream.package import Manifest, Version
from instream.predictor import Answered
from instream.signature import Signature, schema_of

FromPackage = Literal["package"]
FeatureChoice = FeatureStep | FromPackage | None
"""Who makes the model's inputs: a local step (in the pipeline), the step published with each version, or nobody."""


class Model(Protocol):
    """What a version is in memory: one model for all rows, or one for each key. Thread-safe."""

    @property
    def signature(self) -> Signature: ...
    @property
    def nbytes(self) -> int:
        """Memory held, bytes; an estimate."""
        ...

    def answer(self, batch: pa.RecordBatch, deadline: Deadline | None = None) -> Answered:
        """Score a batch that has `signature.requires`. Raises Unavailable and Closed where it waits for a store."""
        ...

    def at(self, revision: int, deadline: Deadline | None = None) -> AbstractContextManager[None]:
        """While it lasts, answers are by the parameters of keys in force at a revision. Raises PackageRefused, Unavailable, Closed."""
        ...

    def start(self) -> None:
        """Called once it was proved, before it serves, by a thread of ordinary priority."""
        ...

    def hot(self) -> Sequence[str]:
        """Keys in memory (canonical texts), the most recently used first."""
        ...

    def close(self) -> None:
        """Wake who waits inside, with Closed."""
        ...


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
    model: Model
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
