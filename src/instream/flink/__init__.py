"""A pipeline on Flink: `instream run --engine flink`, on a cluster, and inside somebody's own job."""

from instream.flink.run import run
from instream.flink.score import score
from instream.flink.sql import register
from instream.flink.submit import submit

__all__ = ["register", "run", "score", "submit"]
