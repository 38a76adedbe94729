"""Rows a second of one core, everything in memory. CPU time counts, and not the clock: others use the machine too."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contestants.protocol import WrongAnswer
from benchmarks.keyed import contenders
from benchmarks.keyed.banks import Bank, linear
from benchmarks.keyed.batches import Batch, Draw, batches
from benchmarks.keyed.contenders import Contender
from benchmarks.keyed.estimators import forests, perceptrons, regressions
from benchmarks.keyed.packages import filled, package
from benchmarks.keyed.verdicts import Verdict, at_least, table, told
from benchmarks.stage import CONSOLE
from benchmarks.throughput import turned
from instream.keyed import KeyedLimits, KeyedModel
from instream.stores import open_store

_BATCHES = 40
_SLOW = 2
"""Batches of those who score a key, or a row, at a time."""

Rates = Mapping[str, float]
"""Rows a CPU second, by contender."""


def scoring(rounds: int, keys: int) -> dict[str, Any]:
    """Print a table for each family and distribution of keys."""
    found: dict[str, Any] = {}
    with threadpool_limits(1):
        with CONSOLE.status(f"linear: {keys:,} keys"), _served(bank := linear(keys)) as model:
            who = _linear(bank, regressions(bank), model)
            for draw in ("uniform", "Zipf"):
                measured = _rounds(who, batches(bank, draw, _BATCHES), rounds)
                found[f"linear, {draw}"] = _shown(bank, draw, who, measured, _goals(measured))
        for made in (forests, perceptrons):
            bank, models = made(min(keys, 2_000))
            with CONSOLE.status(f"{bank.name}: {bank.count:,} keys"), _served(bank) as model:
                who = [
                    Contender("ours", "instream, KeyedModel.answer", contenders.ours(model), _BATCHES // 4),
                    Contender("estimators", "dict of scikit-learn models", contenders.estimators(bank, models), 1),
                ]
                measured = _rounds(who, batches(bank, "uniform", _BATCHES // 4), rounds)
                found[bank.name] = _shown(bank, "uniform", who, measured, [_ratio(measured, "ours", "estimators")])
    return found


@contextmanager
def _served(bank: Bank) -> Iterator[KeyedModel]:
    """With the parameters of all keys in memory."""
    with tempfile.TemporaryDirectory(prefix="instream-bench-") as name:
        made = package(bank, Path(name), bank.name)
        parameters = filled(bank, open_store(f"memory://{bank.name}"), made)
        model = KeyedModel(made, parameters, KeyedLimits(cache=1 << 30), label="bench@1", hot=bank.texts)
        model.start()
        try:
            yield model
        finally:
            model.close()
            parameters.clear()


def _linear(bank: Bank, models: Sequence[Any], model: KeyedModel) -> Sequence[Contender]:
    return [
        Contender("ours", "instream, KeyedModel.answer", contenders.ours(model), _BATCHES),
        Contender("scorer", "its scorer alone", contenders.scorer(model), _BATCHES),
        Contender("bare", "gather and einsum on integer slots", contenders.bare(bank), _BATCHES),
        Contender("loop", "numpy loop, row by row", contenders.loop(bank), 4 * _SLOW),
        Contender("groups", "numpy loop, key by key", contenders.groups(bank), 4 * _SLOW),
        Contender("estimators", "dict of scikit-learn models", contenders.estimators(bank, models), 1),
    ]


def _rounds(who: Sequence[Contender], given: Sequence[Batch], rounds: int) -> Sequence[Rates]:
    """Interleaved, after everybody gave the same answers to the first batch. Raises WrongAnswer."""
    expected = who[-1].score(given[0])
    for each in who:
        if not np.allclose(each.score(given[0]), expected):
            raise WrongAnswer(f"{each.about} answers otherwise than {who[-1].about}")
        for batch in given[: each.batches]:  # warm
            each.score(batch)
    return [{each.name: _rate(each, given) for each in turned(who, number)} for number in range(rounds)]


def _rate(contender: Contender, given: Sequence[Batch]) -> float:
    taken = given[: contender.batches]
    began = time.process_time()
    for batch in taken:
        contender.score(batch)
    return sum(len(batch.rows) for batch in taken) / (time.process_time() - began)


def _goals(measured: Sequence[Rates]) -> Sequence[Verdict]:
    return [
        at_least("instream, rows a second", [each["ours"] for each in measured], 1e6, ",.0f"),
        _ratio(measured, "ours", "bare", 0.3),
        _ratio(measured, "scorer", "bare", 0.3),
        _ratio(measured, "ours", "loop", 4),
        _ratio(measured, "ours", "groups", 4),
        _ratio(measured, "ours", "estimators"),
    ]


def _ratio(measured: Sequence[Rates], one: str, other: str, goal: float | None = None) -> Verdict:
    figures, what = [each[one] / each[other] for each in measured], f"{one} : {other}"
    return told(what, figures) if goal is None else at_least(what, figures, goal)


def _shown(bank: Bank, draw: Draw, who: Sequence[Contender], measured: Sequence[Rates], goals: Sequence[Verdict]) -> dict[str, Any]:
    title = f"{bank.name}, {bank.count:,} keys, {bank.architecture.features} features, {draw}: rows a CPU second, {len(measured)} rounds"
    CONSOLE.print(table(title, [told(f"{each.name}: {each.about}", [one[each.name] for one in measured], ",.0f") for each in who]))
    CONSOLE.print(table("Goals", goals))
    return {"rounds": measured, "verdicts": goals}
