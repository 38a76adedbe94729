"""Bytes of records to columns and back, by format."""

from instream.codecs.fields import Echo, Field, echo_of
from instream.codecs.protocol import Decoded, Decoder, EchoColumn, Encoder
from instream.codecs.registry import decoder, encoder

__all__ = ["Decoded", "Decoder", "Echo", "EchoColumn", "Encoder", "Field", "decoder", "echo_of", "encoder"]
