"""Publish: convert a model, prove that the conversion equals it, put it into a store."""

from instream.publishing.publication import Published, publish

__all__ = ["Published", "publish"]
