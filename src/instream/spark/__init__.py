"""A pipeline on Spark: a run of its own here or on a cluster, or inside somebody's own job."""

from instream.spark.cluster import submit
from instream.spark.embedded import run
from instream.spark.frames import BatchPins, pins, register, score
from instream.spark.once import Once
from instream.spark.pinlog import Pin

__all__ = ["BatchPins", "Once", "Pin", "pins", "register", "run", "score", "submit"]
