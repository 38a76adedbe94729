"""Our own error inside a Java stack trace."""

from __future__ import annotations

import re

from instream.errors import InstreamError, raised_elsewhere
from instream.process.exits import exit_of

_OURS = re.compile(r"^instream\.errors\.(\w+): (.*?)(?=\n\s*\n|\n\s+at |\n\s*\.\.\. \d+ more|\nCaused by: |\Z)", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"Traceback \(most recent call last\):\n.*?\n(\w[\w.]*(?:: .*?)?)(?=\n\s*\n|\n\s+at |\Z)", re.DOTALL)
_CAUSE = re.compile(r"^(?:Caused by: )?([\w.$]+(?:Exception|Error)\b.*)$", re.MULTILINE)
_CHARS_MAX = 2_000


def error_in(trace: str) -> InstreamError | None:
    """What instream raised in a Python worker, as it was raised; None where something else failed."""
    found = _OURS.search(trace)
    return None if found is None else raised_elsewhere(found[1], found[2].strip())


def is_final(error: InstreamError) -> bool:
    """Whether trying again cannot help: somebody must decide."""
    return exit_of(error) is not None


def cause_in(trace: str) -> str:
    """The innermost cause that a stack trace names, of bounded length."""
    python = _PYTHON.search(trace)
    if python is not None:
        return python[1].strip()[:_CHARS_MAX]
    causes = _CAUSE.findall(trace)
    return str(causes[-1] if causes else trace.strip().partition("\n")[0])[:_CHARS_MAX]
