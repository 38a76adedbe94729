"""What our own clients ask before they send rows: columns, limits, and which head is in force."""

from __future__ import annotations

import msgspec

from instream.server.batcher import Lane
from instream.server.limits import Limits
from instream.signature import fields_of
from instream.wire.about import About


def about(lane: Lane, limits: Limits, *, draining: bool) -> bytes:
    """`About`, as JSON."""
    predictor, now = lane.predictor, lane.predictor.ready()
    return msgspec.json.encode(
        About(
            name=lane.name,
            requires=fields_of(predictor.requires),
            produces=fields_of(predictor.produces),
            ready=now.ready and not draining,
            reason="the server is ending" if draining else now.reason,
            head=now.head,
            versions=now.versions,
            refused=now.refused,
            rows=limits.rows,
            nbytes=limits.body_bytes,
        )
    )
