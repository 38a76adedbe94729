"""One server: how many calls it gets, whether it is left alone, and what it said of itself last."""

from __future__ import annotations

from dataclasses import dataclass, field

from instream.flow.breaker import Breaker
from instream.flow.limit import AdaptiveLimit
from instream.strategies.remote.transport import Transport
from instream.wire.about import About


@dataclass(slots=True, eq=False)
class Endpoint:
    """`Balance` guards it.

    Attributes:
        about: what it said last; None before it said anything.
        unfit: why it gets no rows though it answers: another model than the pipeline began with; empty when it fits.
        not_before_ns: it asked to be left alone until then.
    """

    url: str
    transport: Transport
    limit: AdaptiveLimit
    breaker: Breaker = field(default_factory=Breaker)
    in_flight: int = 0
    about: About | None = None
    unfit: str = ""
    not_before_ns: int = 0

    @property
    def room(self) -> bool:
        """Whether it takes one more call."""
        return self.in_flight < (1 if self.breaker.half_open else self.limit.now)

    @property
    def reason(self) -> str:
        """Why it gets no rows, in words; empty when it may get some."""
        if self.unfit or self.breaker.open:
            return f"{self.url}: {self.unfit or self.breaker.reason}"
        if self.about is not None and not self.about.ready:
            return f"{self.url}: {self.about.reason}"
        return ""
