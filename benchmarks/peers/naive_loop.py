"""The loop people write first: `BOOTSTRAP SOURCE SINK GROUP MODEL`."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime
from confluent_kafka import Consumer, Producer

from benchmarks.peers.stopping import Stopping


def main(bootstrap: str, source: str, sink: str, group: str, model: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the default pool only spins on one row and takes the broker's core
    session = onnxruntime.InferenceSession(model, options)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    producer = Producer({"bootstrap.servers": bootstrap})
    consumer.subscribe([source])
    stopping = Stopping()
    while not stopping:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        record = json.loads(message.value())
        row = np.array([[record[f"x{i}"] for i in range(8)]], np.float32)
        prediction = session.run(None, {"x": row})[0]
        output = {"id": record["id"], "prediction": float(prediction[0, 0]), "version": 1}
        producer.produce(sink, json.dumps(output), message.key())
        producer.poll(0)
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
