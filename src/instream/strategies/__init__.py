"""How a model and a stream are brought together: each strategy makes a predictor."""

from instream.strategies.embedded import embedded
from instream.strategies.remote import remote

__all__ = ["embedded", "remote"]
