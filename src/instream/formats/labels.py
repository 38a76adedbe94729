"""What a booster gives, one number or one a class, as the outputs that the signature names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from instream.compare import PROBABILITIES
from instream.formats.columns import Array
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Signature

PREDICTION, LABEL = "prediction", "label"


class Answers:
    """Rows of raw answers, shape (n, 1) or (n, classes), to `prediction`, or to `probabilities` and `label`."""

    def __init__(self, step: Step, signature: Signature) -> None:
        self._outputs = dict(step.outputs)
        fields = {field.name: field for field in signature.outputs}
        field = fields.get(self._outputs.get(PROBABILITIES, ""))
        self._classes = np.array(field.categories or (), object) if field else np.empty(0, object)
        label = fields.get(self._outputs.get(LABEL, ""))
        self._label_type: pa.DataType | None = label.arrow.type if label else None

    def __call__(self, given: Array) -> Mapping[str, Value]:
        if PREDICTION in self._outputs:
            return {self._outputs[PREDICTION]: given[:, 0] if given.shape[1] == 1 else given}
        if given.shape[1] == 1:
            given = np.column_stack([1 - given[:, 0], given[:, 0]])
        answers: dict[str, Value] = {}
        if PROBABILITIES in self._outputs:
            answers[self._outputs[PROBABILITIES]] = given
        if LABEL in self._outputs:
            answers[self._outputs[LABEL]] = pa.array(self._classes, self._label_type).take(pa.array(given.argmax(axis=1)))
        return answers
