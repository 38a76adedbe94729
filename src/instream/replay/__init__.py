"""Dead letters: read them, and put their records back where they came from."""

from instream.replay.again import Replayed, replay
from instream.replay.read import dead_letters

__all__ = ["Replayed", "dead_letters", "replay"]
