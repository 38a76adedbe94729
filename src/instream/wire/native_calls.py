"""The names of instream's own gRPC calls; their messages are plain bytes."""

from __future__ import annotations

SCORE = "/instream.v1.Inference/Score"
"""An Arrow question, answered by an Arrow answer; the model is named in the call's metadata."""
ABOUT = "/instream.v1.Inference/About"
"""A model's reference in UTF-8, answered by `about.About` in JSON."""
MODEL_HEADER = "instream-model"
