"""Protocols: bytes to batches and back, for the server and for whoever calls one. No I/O."""
