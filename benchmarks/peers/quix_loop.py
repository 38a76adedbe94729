"""Quix Streams with onnxruntime: `BOOTSTRAP SOURCE SINK GROUP MODEL`. Runs in its own environment (`quix.lock`)."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime
from quixstreams import Application  # type: ignore[import-not-found]


def main(bootstrap: str, source: str, sink: str, group: str, model: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the default pool only spins on one row and takes the broker's core
    session = onnxruntime.InferenceSession(model, options)
    row = np.empty((1, 8), np.float32)

    def score(record: dict[str, Any]) -> dict[str, Any]:
        row[0] = [record[f"x{i}"] for i in range(8)]
        prediction = session.run(None, {"x": row})[0]
        return {"id": record["id"], "prediction": float(prediction[0, 0]), "version": 1}

    application = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="at-least-once",
        consumer_extra_config={"fetch.queue.backoff.ms": 10},
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4", "queue.buffering.max.messages": 1_000_000},
        loglevel="WARNING",
        auto_create_topics=False,
    )
    frame = application.dataframe(application.topic(source, key_deserializer="bytes", value_deserializer="json"))
    frame.apply(score).to_topic(application.topic(sink, key_serializer="bytes", value_serializer="json"))
    application.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
