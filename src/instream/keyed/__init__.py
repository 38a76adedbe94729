"""Light models, one for each key: their parameters as data, scored together."""

from instream.keyed.model import KeyedLimits, KeyedModel
from instream.keyed.own import OwnModel

__all__ = ["KeyedLimits", "KeyedModel", "OwnModel"]
