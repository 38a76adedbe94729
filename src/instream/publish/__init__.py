"""Publish: convert a model, prove that the conversion equals it, put it into a store."""

from instream.publish.publish import Published, publish

__all__ = ["Published", "publish"]
