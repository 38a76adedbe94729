"""Formats: what a package's files are, and how they become a loaded model."""

from instream.formats.chain import Chain, load, load_chain, proved_with

__all__ = ["Chain", "load", "load_chain", "proved_with"]
