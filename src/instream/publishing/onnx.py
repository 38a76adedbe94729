"""An ONNX graph as it is: the original is onnxruntime on the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa

from instream.errors import ConversionRefused
from instream.formats.chain import Chain
from instream.formats.onnx import OnnxModel, dtype_of, inputs_of, open_session
from instream.package import Step
from instream.publishing.original import Border, Conversion
from instream.publishing.sample import Sample, type_of
from instream.signature import Category, Field, Signature

FILE = "model.onnx"


class OnnxOriginal:
    """Satisfies Original."""

    libraries = ("onnxruntime", "numpy")
    kind = "onnx"

    def __init__(self, content: bytes, sample: Sample) -> None:
        self._content = content
        session = open_session(content, FILE)
        feeds = _feeds(session.get_inputs(), sample.batch)
        self.inputs = tuple(name for names in feeds.values() for name in names)
        self._step = Step("onnx", FILE, feeds, {each.name: each.name for each in session.get_outputs()})
        fields = tuple(Field(name, type_of(name, sample.batch.schema.field(name).type)) for name in self.inputs)
        model = OnnxModel(session, inputs_of(session, self._step, FILE), self._step, 0)
        rows = min(2, sample.batch.num_rows)
        first = sample.batch.slice(0, rows)
        answers = model.run({name: first.column(name) for name in self.inputs}, rows)
        self.outputs = tuple(_output(each, np.asarray(answers[each.name]), rows) for each in session.get_outputs())
        self._chain = Chain(Signature(fields, self.outputs), [model], {})

    def categories(self) -> Mapping[str, tuple[Category, ...]]:
        return {}

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self._chain.score(batch)

    def borders(self, batch: pa.RecordBatch) -> Sequence[Border]:
        return ()

    def conversions(self, signature: Signature, closed: tuple[str, ...]) -> Iterator[Conversion]:
        def write(folder: Path) -> tuple[Step, ...]:
            (folder / FILE).write_bytes(self._content)
            return (self._step,)

        yield Conversion("onnx", write, exact=True)


def read(model: onnx.ModelProto, sample: Sample, trust: Sequence[str]) -> OnnxOriginal:
    """Raises ConversionRefused when the sample does not feed the graph, PackageError when the graph cannot be run."""
    try:
        return OnnxOriginal(model.SerializeToString(), sample)
    except ConversionRefused:
        raise
    except Exception as error:  # onnxruntime raises its own types, and packing raises ValueError
        raise ConversionRefused(f"the graph cannot score the sample's first rows: {error}") from error


def _feeds(inputs: Sequence[Any], batch: pa.RecordBatch) -> dict[str, tuple[str, ...]]:
    """Columns for each input of the graph: those of its name, or, where it has one input, all of the sample's."""
    for each in inputs:
        if each.shape and isinstance(each.shape[0], int) and each.shape[0] > 0:
            raise ConversionRefused(
                f"the graph's input {each.name} takes exactly {each.shape[0]} rows: export it with a dynamic first dimension"
            )
    names = batch.schema.names
    if len(inputs) == 1 and (inputs[0].name not in names or len(names) > 1):
        return {inputs[0].name: _all(inputs[0], batch)}
    if absent := [each.name for each in inputs if each.name not in names]:
        raise ConversionRefused(
            f"the graph reads {', '.join(absent)}, which the sample does not have; it has {', '.join(names)}. "
            "Name a column after each input; several numbers for one input are a fixed-size list"
        )
    return {each.name: (each.name,) for each in inputs}


def _all(each: Any, batch: pa.RecordBatch) -> tuple[str, ...]:
    width = sum(kind.list_size if pa.types.is_fixed_size_list(kind) else 1 for kind in batch.schema.types)
    sizes = each.shape[1:]
    wanted = int(np.prod(sizes)) if all(isinstance(size, int) for size in sizes) else width
    if width != wanted:
        raise ConversionRefused(
            f"the graph's input {each.name} takes {wanted} values a row, the sample has {width}: give exactly those columns, in their order"
        )
    return tuple(batch.schema.names)


def _output(each: Any, answer: Any, rows: int) -> Field:
    kind = "string" if dtype_of(each) is np.object_ else np.dtype(dtype_of(each)).name
    if answer.shape[:1] != (rows,):
        raise ConversionRefused(
            f"the graph's output {each.name} has shape {answer.shape} for {rows} rows: one value or list a row was expected"
        )
    width = answer.size // rows
    return Field(each.name, {"bool_": "bool"}.get(kind, kind) if width == 1 else f"{kind}[{width}]")
