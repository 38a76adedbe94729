"""Settings to a pipeline, as far as no broker is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from instream.codecs import Echo, Field, decoder, echo_of, encoder
from instream.codecs.fields import pointer_of, tokens_of
from instream.errors import PackageError, SettingsInvalid
from instream.features import FeatureStep
from instream.pipeline.pipeline import Pipeline
from instream.predictor import STAMPS, Predictor
from instream.settings import FieldAt
from instream.settings import Pipeline as Settings
from instream.signature import type_from, type_text

Format = Literal["json", "arrow"]


def pipeline_of(
    settings: Settings, predictor: Predictor, local_features: FeatureStep | None, source_format: Format, sink_format: Format
) -> Pipeline:
    """Wire decode, features, predict and encode.

    Args:
        local_features: the pipeline's own step, `[features] function = "…:…"`.
    Raises:
        SettingsInvalid: fields, feature step, model and output do not fit together; names the field.
    """
    fields = fields_of(settings, predictor.requires, local_features)
    reached = pa.schema([pa.field(field.name, field.type, field.nullable) for field in fields])
    if local_features is None:
        check_fits(reached, predictor.requires, "[source.fields]")
    else:
        check_fits(local_features.output_schema(reached), predictor.requires, local_features.name)
    echo = [_echo(pointer, fields, source_format, sink_format) for pointer in settings.output.echo]
    stamps = [STAMPS.field(name) for name in settings.output.stamps]
    return Pipeline(
        name=settings.name,
        decoder=decoder(source_format, fields, echo, int(settings.limits.record_bytes)),
        features=local_features,
        predictor=predictor,
        encoder=encoder(sink_format, echo, pa.schema([*predictor.produces, *stamps])),
        outputs=predictor.produces.names,
        stamps=[field.name for field in stamps],
    )


def fields_of(settings: Settings, required: pa.Schema, local_features: FeatureStep | None) -> list[Field]:
    """What is decoded: `[source.fields]`, and what the model requires besides and finds under its own name.

    With a feature step of the pipeline's own, `[source.fields]` alone if given, since the step may make the rest.

    Raises:
        SettingsInvalid: a type is not known.
    """
    given = settings.source.fields if settings.source else {}
    fields = [_field(name, at if isinstance(at, FieldAt) else FieldAt(at=at), required) for name, at in given.items()]
    if local_features is None or not given:
        fields += [Field(each.name, pointer_of(each.name), each.type, each.nullable) for each in required if each.name not in given]
    return fields


def check_fits(given: pa.Schema, required: pa.Schema, origin: str) -> None:
    """Whether the model finds its columns. One of type null fits: a feature step may let the rows decide its type.

    Args:
        origin: what gives the columns, for messages.
    Raises:
        SettingsInvalid: a column is missing or has another type; says which, and what to do.
    """
    for field in required:
        at = given.get_field_index(field.name)
        if at < 0:
            raise SettingsInvalid(
                f"the model needs {field.name} ({type_text(field.type)}), and {origin} gives {', '.join(given.names) or 'nothing'}: "
                f"add {field.name} to [source.fields], or let the feature step make it"
            )
        found = given.field(at).type
        if found != field.type and not pa.types.is_null(found):
            raise SettingsInvalid(f"the model needs {field.name} as {type_text(field.type)}, and {origin} gives {found}: convert it there")


def _field(name: str, at: FieldAt, required: pa.Schema) -> Field:
    known = required.field(name) if name in required.names else None
    if at.type is None and known is None:
        raise SettingsInvalid(
            f"source.fields.{name}: the model has no input {name}, so its type must be said here: "
            f'{name} = {{ at = "{at.at}", type = "float64" }}'
        )
    try:
        kind = type_from(at.type) if at.type is not None else required.field(name).type
    except PackageError as error:
        raise SettingsInvalid(f"source.fields.{name}: {error}") from error
    default = known is not None and known.nullable
    return Field(name, at.at, kind, default if at.nullable is None else at.nullable)


def _echo(pointer: str, fields: Sequence[Field], source_format: Format, sink_format: Format) -> Echo:
    """JSON is copied as it stands. A sink with columns must know a type, and only a source with columns brings one.

    The name of a decoded field stands for that field, wherever it is in the record.
    """
    named = next((field.pointer for field in fields if field.name == pointer), None)
    echo = echo_of(pointer) if named is None else Echo(pointer, named)
    if source_format == "arrow" or sink_format == "json":
        return echo
    kind = next((field.type for field in fields if tokens_of(field.pointer) == tokens_of(echo.pointer)), None)
    if kind is None:
        raise SettingsInvalid(
            f'output.echo = "{pointer}": Parquet needs its type: [source.fields] {echo.name} = {{ at = "{pointer}", type = "string" }}'
        )
    return Echo(echo.name, echo.pointer, kind)
