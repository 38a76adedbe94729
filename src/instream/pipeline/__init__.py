"""The way of a batch: decode, features, predict, encode. No broker; every engine calls this and repeats no step of it."""

from instream.pipeline.build import pipeline_of
from instream.pipeline.letters import Letter, letters, read_envelope
from instream.pipeline.pipeline import Pipeline

__all__ = ["Letter", "Pipeline", "letters", "pipeline_of", "read_envelope"]
