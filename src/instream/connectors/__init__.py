"""Where records come from and where they go."""

from instream.connectors.open import (
    carries_headers,
    format_of,
    keeps_positions,
    member_of,
    open_sink,
    open_source,
    open_transactional,
    set_start,
)
from instream.connectors.protocol import Lag, Sink, Source, Transactional

__all__ = [
    "Lag",
    "Sink",
    "Source",
    "Transactional",
    "carries_headers",
    "format_of",
    "keeps_positions",
    "member_of",
    "open_sink",
    "open_source",
    "open_transactional",
    "set_start",
]
