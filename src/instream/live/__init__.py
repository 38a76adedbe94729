"""A model in force: follow the head, load, check, prove, swap."""

from instream.live.memory import Need, need_of
from instream.live.predictor import LivePredictor
from instream.live.prepare import Limits
from instream.live.refusal import Reason
from instream.live.rules import Available, Rules

__all__ = ["Available", "Limits", "LivePredictor", "Need", "Reason", "Rules", "need_of"]
