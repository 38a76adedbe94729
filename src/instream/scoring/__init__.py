"""Score rows that lie at hand, with the same code, and so the same answers, as in a stream."""

from instream.scoring.files import Done, score_file
from instream.scoring.scorer import Scorer, load

__all__ = ["Done", "Scorer", "load", "score_file"]
