"""A request through the server, whatever the protocol: find the model, read the rows, wait for a turn, say the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from instream.flow.deadline import Deadline
from instream.server.batcher import Batcher
from instream.server.gate import Gate, Held
from instream.server.limits import Limits
from instream.server.models import Models
from instream.wire.answered import Answered
from instream.wire.inputs import Inputs
from instream.wire.question import Question, Reply

_INLINE_ROWS = 1_024
"""An answer with more rows is written on a thread: below, the hop there costs more than the writing."""

T = TypeVar("T")
TEXT_INLINE, BINARY_INLINE = 8 << 10, 256 << 10
"""Bytes that are read on the event loop: of JSON, whose numbers have to be made, and of forms whose numbers lie there."""

Read = Callable[[Any, Inputs, int], Question]
"""Reads what came for a model's columns and at most so many rows. Raises InvalidRows, TooLarge."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a request says besides its rows.

    Attributes:
        model: a reference, such as `delay` or `delay@3`.
        pin: a head that must be the one in force; None for any.
    """

    model: str
    deadline: Deadline
    pin: int | None = None


class Service:
    """Used from the event loop's thread."""

    def __init__(self, models: Models, batcher: Batcher, gate: Gate, limits: Limits) -> None:
        self.models = models
        self.batcher = batcher
        self.gate = gate
        self.limits = limits
        self.draining = False
        self._codec = ThreadPoolExecutor(1, thread_name_prefix="codec")
        self._loop = asyncio.get_running_loop()

    @property
    def ready(self) -> bool:
        return self.models.loaded and not self.draining

    def check(self, asked: Asked) -> None:
        """Raises Overloaded where even one row would be too late: before a body is read, that is cheap."""
        if (lane := self.models.at_hand(asked.model)) is not None:
            self.batcher.check(lane, 1, asked.deadline)

    async def ask(self, asked: Asked, read: Read, size: int, held: Held, *, inline: int) -> tuple[Answered, Reply]:
        """Answer one request.

        Args:
            read: reads `held.content`.
            size: bytes of the body.
            inline: a larger body is read on a thread: where a hop there costs less than the reading.
            held: what is held for it: from now on its columns and its answer.
        Raises:
            InstreamError: see `wire.status` for what each becomes.
        """
        lane = self.models.at_hand(asked.model) or await self.models.lane(asked.model, asked.deadline)
        inputs = lane.inputs
        large = size > inline
        rows_max = self.limits.rows
        question = await self._aside(lambda: read(held.take(), inputs, rows_max)) if large else read(held.take(), inputs, rows_max)
        columns = question.columns
        held.hold(columns.nbytes + columns.num_rows * lane.answer_row_bytes)
        answered = await self.batcher.score(lane, columns, asked.deadline, asked.pin)
        if answered.rows > _INLINE_ROWS:
            return answered, await self._aside(lambda: question.answer(answered))
        return answered, question.answer(answered)

    def close(self) -> None:
        self.batcher.close()
        self.models.close()
        self._codec.shutdown(wait=False, cancel_futures=True)

    async def _aside(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._codec, work)
