"""How a model and a stream are brought together: each strategy makes a predictor."""

from instream.strategies.local import local
from instream.strategies.remote import remote

__all__ = ["local", "remote"]
