"""The step between decoding and the model: f(batch) -> batch, row by row, without state."""

from instream.features.load import digest_of, from_package, from_reference
from instream.features.step import Applied, FeatureStep

__all__ = ["Applied", "FeatureStep", "digest_of", "from_package", "from_reference"]
