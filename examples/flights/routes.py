"""A light model for each route, kept by the store: routes learn more, and nothing is deployed or started again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

import instream
from instream.key import Key
from instream.publishing.keyed.update import put_parameters

MODEL = "delay-by-route"
KEY = ["origin", "dest"]
NUMBERS = ["hour", "minute", "sched_arr_time", "distance", "dep_delay"]
LEAST = 60
"""A route with fewer flights to learn from has no model of its own: its airport's answers."""

FIRST_UNTIL_MONTH = 3
"""What the first parameters learn from; the update learns from all that the others learn from."""

Fitted = list[tuple[Key, HistGradientBoostingClassifier]]


def fitted(learn: pd.DataFrame) -> Fitted:
    """For each route, and for each airport that a flight starts from."""
    with threadpool_limits(1):
        return [(key, _fit(rows)) for key, rows in _groups(learn)]


def publish(learn: pd.DataFrame, store: str) -> instream.PublishedKeyed:
    """The first parameters of all keys, and a model for airports that nobody knows."""
    early = learn[learn["month"] <= FIRST_UNTIL_MONTH]
    sample = learn[[*KEY, *NUMBERS]].sample(5_000, random_state=0)
    with threadpool_limits(1):
        default = _fit(early)
    return instream.publish_keyed(fitted(early), name=MODEL, key=KEY, default=default, sample=sample, store=store)


@dataclass
class Update:
    """New parameters for every route, put while the stream runs.

    Attributes:
        done_ns: when the store had acknowledged all of them, by the monotonic clock; 0 before.
        revision: the least of those that it gave.
    """

    estimators: Fitted
    store: str
    done_ns: int = 0
    revision: int = 0

    def __call__(self) -> None:
        revisions = put_parameters(self.store, MODEL, self.estimators)
        self.done_ns = time.monotonic_ns()
        self.revision = min(revisions.values())

    def seen_ms(self, outputs: pd.DataFrame, start_ns: int) -> float:
        """From the store's last acknowledgement to the first output by new parameters that could be read; at least 0."""
        new = outputs["read_s"][outputs["parameters"] >= self.revision]
        return max(0.0, float(new.min()) * 1e3 - (self.done_ns - start_ns) / 1e6)


def _groups(learn: pd.DataFrame) -> Iterator[tuple[Key, pd.DataFrame]]:
    for route, rows in learn.groupby(KEY):
        if len(rows) >= LEAST and rows["late"].nunique() == 2:
            yield (str(route[0]), str(route[1])), rows
    for origin, rows in learn.groupby("origin"):
        yield (str(origin),), rows


def _fit(rows: pd.DataFrame) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=8, max_depth=3, learning_rate=0.2, min_samples_leaf=10, early_stopping=False, random_state=0
    )
    return model.fit(rows[NUMBERS].astype(np.float64), np.where(rows["late"].astype(bool), "late", "on time"))
