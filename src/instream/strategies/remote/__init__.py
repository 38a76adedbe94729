"""The model runs in a server, reached by gRPC or REST."""

from instream.strategies.remote.make import remote

__all__ = ["remote"]
