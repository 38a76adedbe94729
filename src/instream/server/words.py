"""What a caller is told of an error, whatever the transport."""

from __future__ import annotations

from instream.errors import InstreamError
from instream.observe import logs

_log = logs.get("server")


def words_of(error: Exception) -> str:
    """The message of what is raised on purpose; anything else is our own fault, whose details go to the log."""
    if isinstance(error, InstreamError):
        return str(error)
    _log.exception("a request failed", exc_info=error)
    return f"{type(error).__name__}; the server's log has the details"
