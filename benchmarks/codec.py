"""What the way through a pipeline costs besides the model: python benchmarks/codec.py

Records of 150 bytes with an id and 8 numbers, 10,000 a batch. The variants of a group take turns within each round,
so that a busy machine slows all of them; CPU time of the best round counts, and ratios are what to look at.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec
import numpy as np
import pyarrow as pa

from instream.codecs import Field, decoder, echo_of, encoder
from instream.failures import NONE
from instream.pipeline import Pipeline, letters, pipeline_of
from instream.predictor import STAMPS, Call, Prediction, Readiness
from instream.records import Partition, Records
from instream.settings import Pipeline as Settings
from instream.testing.json_records import BAD_JSON

ROWS = 10_000
ROUNDS = 15
NAMES = [f"f{i}" for i in range(8)]


class Constant:
    """A predictor that costs nothing."""

    requires = pa.schema([pa.field(name, pa.float64(), nullable=False) for name in NAMES])
    produces = pa.schema([pa.field("y", pa.float64(), nullable=False)])
    inflight = 1

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        outputs = pa.RecordBatch.from_arrays([batch.column(0)], schema=self.produces)
        stamps = pa.RecordBatch.from_arrays([pa.array(np.full(batch.num_rows, 3, np.int32))], schema=STAMPS)
        return Prediction(outputs, stamps, 1, NONE)

    def ready(self) -> Readiness:
        return Readiness(True, "")

    def close(self) -> None: ...


def values_of(rows: int, seed: int = 0) -> list[bytes | None]:
    chance = random.Random(seed)
    return [
        json.dumps({"id": f"rec-{i:08d}"} | {name: round(chance.uniform(-100, 100), 4) for name in NAMES}).encode() for i in range(rows)
    ]


def with_bad(values: Sequence[bytes | None], bad: bytes | None) -> list[bytes | None]:
    """One in a hundred."""
    return [bad if i % 100 == 50 else value for i, value in enumerate(values)]


def records_of(values: Sequence[bytes | None]) -> Records:
    rows = len(values)
    return Records("t", values, np.zeros(rows, np.int32), np.arange(rows, dtype=np.int64), {Partition("t", 0): rows})


def compare(title: str, variants: Mapping[str, tuple[Callable[[], object], int]]) -> None:
    """Print µs a record of each variant (a function and its number of rows) and the ratio to the first."""
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(ROUNDS):
        for name, (run, rows) in variants.items():
            start = time.thread_time()
            run()
            best[name] = min(best[name], (time.thread_time() - start) / rows * 1e6)
    first = next(iter(best.values()))
    print(title + ": " + ", ".join(f"{name} {us:.3f} µs/record ({us / first:.2f})" for name, us in best.items()))


def decoding(values: list[bytes | None]) -> None:
    good = [value for value in values if value is not None]
    struct = msgspec.defstruct("Bare", [("id", msgspec.Raw), *((name, float) for name in NAMES)], gc=False)
    bare = msgspec.json.Decoder(struct).decode
    full = decoder("json", [Field(name, name, pa.float64()) for name in NAMES], [echo_of("id")], 1 << 20)
    accented = [value.replace(b"rec-", b"r\xc3\xa9c-") for value in good]
    compare(
        "decode",
        {
            "instream, to columns": (lambda: full.decode(values), len(good)),
            "msgspec, to Structs only": (lambda: list(map(bare, good)), len(good)),
            "msgspec, to dicts only": (lambda: list(map(msgspec.json.decode, good)), len(good)),
            "json.loads only": (lambda: list(map(json.loads, good)), len(good)),
            "instream, not ASCII": (lambda: full.decode(accented), len(good)),
            "instream, one record": (lambda: full.decode(values[:1]), 1),
        },
    )


def encoding(values: list[bytes | None]) -> None:
    decoded = decoder("json", [], [echo_of("id")], 1 << 20).decode(values)
    y = np.random.default_rng(0).uniform(0, 60, len(values))
    columns = pa.RecordBatch.from_pydict({"y": pa.array(y), "version": pa.array(np.full(len(values), 3, np.int32))})
    made = encoder("json", [echo_of("id")], columns.schema)
    ids = [json.loads(bytes(text)) for text in decoded.echo[0]]

    def by_json() -> list[bytes]:
        rows = zip(ids, y.tolist(), columns.column("version").to_pylist(), strict=True)
        return [json.dumps({"id": key, "y": value, "version": version}).encode() for key, value, version in rows]

    compare(
        "encode",
        {"instream": (lambda: made.encode(decoded.echo, columns), len(values)), "json.dumps": (by_json, len(values))},
    )


def whole(values: list[bytes | None], pipeline: Pipeline) -> None:
    def one_by_one() -> list[bytes]:
        made = []
        for value in values:
            record = json.loads(value or b"")
            made.append(json.dumps({"id": record["id"], "y": record["f0"], "version": 3}).encode())
        return made

    records, one = records_of(values), records_of(values[:1])
    compare(
        "decode, predict nothing, encode",
        {
            "Pipeline.process": (lambda: pipeline.process(records), len(values)),
            "json.loads and json.dumps": (one_by_one, len(values)),
            "Pipeline.process, one record": (lambda: pipeline.process(one), 1),
        },
    )


def bad_records(values: list[bytes | None], pipeline: Pipeline) -> None:
    """Throughput with one bad record in a hundred, dead letters made, as a share of that without."""

    def run(records: Records) -> Callable[[], object]:
        return lambda: letters(records, pipeline.process(records), pipeline="p", form="headers")

    good = values[: ROWS // 2]
    clean = run(records_of(good))
    shares: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for kind, (bad, _code) in BAD_JSON.items():
            spoiled = run(records_of(with_bad(good, bad)))
            shares.setdefault(kind, []).append(seconds(clean) / seconds(spoiled))
    ordered = sorted((median(each), kind) for kind, each in shares.items())
    print("throughput with 1 % bad, of that without, medians: " + ", ".join(f"{kind} {share:.2f}" for share, kind in ordered))


def seconds(run: Callable[[], object]) -> float:
    """CPU time of one call, the better of two."""
    times = []
    for _ in range(2):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


def main() -> None:
    values = values_of(ROWS)
    settings = Settings.model_validate({"name": "bench", "model": {"name": "m"}, "output": {"echo": ["id"]}})
    pipeline = pipeline_of(settings, Constant(), None, "json", "json")
    decoding(values)
    encoding(values)
    whole(values, pipeline)
    bad_records(values, pipeline)


if __name__ == "__main__":
    main()
