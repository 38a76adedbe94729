"""The way of a batch: decode, features, predict, encode. No broker; every engine calls this and repeats no step of it."""

from instream.pipeline.build import pipeline_of
from instream.pipeline.letter import Letter, read_envelope, read_headers
from instream.pipeline.letters import letters
from instream.pipeline.pipeline import Pipeline

__all__ = ["Letter", "Pipeline", "letters", "pipeline_of", "read_envelope", "read_headers"]
