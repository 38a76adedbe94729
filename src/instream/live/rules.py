"""Which versions fit a running pipeline: inputs among its fields, outputs as they are, features paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
import pyarrow as pa

from instream.features import FeatureStep, digest_of
from instream.live.refusal import Reason, Refused
from instream.live.serving import FeatureChoice, required_by
from instream.package import Manifest
from instream.signature import Field, type_text

Available = Mapping[str, pa.DataType | None]
"""Fields that reach the predictor, by name. None: has the type that the first adopted version reads it as.
Arrow's null type: known only by its rows, which a feature step may leave open."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a version must keep to.

    Attributes:
        features: how this pipeline makes the model's inputs.
        available: what a record has after the local feature step; None before the first version says what it needs.
        produces: the outputs of the version that was adopted first; None before.
        keyed: whether only keyed packages will do, or only others; None for both.
    """

    features: FeatureChoice
    available: Available | None
    produces: tuple[Field, ...] | None
    keyed: bool | None = None

    def check(self, manifest: Manifest) -> None:
        """Raises Refused, saying which field to add."""
        self._check_kind(manifest)
        self._check_features(manifest)
        _check_inputs(required_by(manifest, self.features), self._given(manifest))
        if self.produces is not None:
            _check_outputs(manifest.signature.outputs, self.produces)

    def _given(self, manifest: Manifest) -> Available:
        """What reaches the predictor. Without a local step, the first version's own inputs do, besides what was named."""
        if self.available is not None and (self.produces is not None or isinstance(self.features, FeatureStep)):
            return self.available
        needed = {field.name: field.type for field in required_by(manifest, self.features)}
        return {**needed, **(self.available or {})}

    def _check_kind(self, manifest: Manifest) -> None:
        is_keyed = manifest.keyed is not msgspec.UNSET
        if self.keyed is None or self.keyed == is_keyed:
            return
        what, fix = ("a model for each key", "database") if is_keyed else ("one model for all records", "embedded")
        raise Refused(Reason.STRATEGY, f'it is {what}, which this pipeline does not take: set strategy.kind = "{fix}"')

    def _check_features(self, manifest: Manifest) -> None:
        if manifest.features is None or self.features == "package":
            return
        published = f"it was published with the feature step {manifest.features.file}:{manifest.features.function}"
        if self.features is None:
            raise Refused(
                Reason.FEATURES,
                f'{published}, and this pipeline runs none: set features.function = "package" to trust and run it, '
                "or name your own copy of it",
            )
        digest = published_digest(manifest)
        if digest != self.features.digest:
            raise Refused(
                Reason.FEATURES,
                f"{published} (digest {digest[:12]}), and {self.features.name} has another digest ({self.features.digest[:12]}): "
                'bring the same source here, or set features.function = "package"',
            )

    def after(self, manifest: Manifest) -> Rules:
        """The rules for those that follow the first adopted version."""
        needed = {field.name: field.type for field in required_by(manifest, self.features)}
        given = self._given(manifest)
        available = {name: kind or needed[name] for name, kind in given.items() if kind is not None or name in needed}
        produces = self.produces if self.produces is not None else manifest.signature.outputs
        return replace(self, available=available, produces=produces)


def published_digest(manifest: Manifest) -> str:
    """The digest that a feature step with the published source and function has."""
    assert manifest.features is not None
    listed = next(file.sha256 for file in manifest.files if file.name == manifest.features.file)
    return digest_of(listed, manifest.features.function)


def _check_inputs(requires: pa.Schema, available: Available) -> None:
    for field in requires:
        if field.name not in available:
            raise Refused(
                Reason.INCOMPATIBLE,
                f"it needs the field {field.name} ({type_text(field.type)}), and records have {', '.join(available) or 'none'}: "
                f"add {field.name} with its type to [source.fields], or to what the feature step gives",
            )
        found = available[field.name]
        if found is not None and found != field.type and not pa.types.is_null(found):
            raise Refused(
                Reason.INCOMPATIBLE,
                f"it needs {field.name} as {type_text(field.type)}, and records have it as {found}: "
                f"change its type in [source.fields] or in the feature step",
            )


def _check_outputs(outputs: tuple[Field, ...], expected: tuple[Field, ...]) -> None:
    got, wanted = {field.name: field for field in outputs}, {field.name: field for field in expected}
    if {name: field.type for name, field in got.items()} != {name: field.type for name, field in wanted.items()}:
        raise Refused(
            Reason.INCOMPATIBLE,
            f"its outputs are {_listed(outputs)}, and this pipeline gives {_listed(expected)}: readers of the sink rely on them; "
            "publish it under another name, or start a pipeline of its own",
        )
    for name, field in got.items():
        known = wanted[name].categories
        if field.categories and known and field.categories != known:
            raise Refused(
                Reason.INCOMPATIBLE,
                f"the places of {name} stand for {list(field.categories)}, and this pipeline's for {list(known)}: "
                "train it with the same classes, or publish it under another name",
            )


def _listed(fields: tuple[Field, ...]) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in fields)
