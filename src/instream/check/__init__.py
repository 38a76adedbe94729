"""Everything about a pipeline file that can be validated without running it; nothing is written or committed."""

from instream.check.all import check
from instream.check.finding import Finding, Level

__all__ = ["Finding", "Level", "check"]
