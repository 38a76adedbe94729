"""Ways to bring a model and a stream together."""

from instream.strategies.embedded import embedded

__all__ = ["embedded"]
