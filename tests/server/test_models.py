"""Versions that somebody asked for: loaded once, a few of them, the oldest one given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from instream.errors import DeadlineExceeded, NotFound, Overloaded, SettingsInvalid, Unavailable
from instream.flow.deadline import Deadline, deadline_in
from instream.server.models import Models
from instream.testing.linear import LinearPredictor

LONG = Deadline(1 << 62)  # not from now: a test may run long after this was imported


def told(story: Callable[[Models, list[str]], Coroutine[Any, Any, None]], versions: int = 2) -> list[str]:
    """Run a story; what was opened, in order."""
    opened: list[str] = []

    def opens(model: str) -> LinearPredictor:
        if model == "delay@9":
            raise NotFound("delay@9 is not there")
        opened.append(model)
        return LinearPredictor()

    async def tell() -> None:
        models = Models(opens, ["delay", "price"], versions)
        await story(models, opened)
        models.close()

    asyncio.run(tell())
    return opened


def test_a_champion_is_loaded_at_the_start_and_not_before() -> None:
    async def story(models: Models, opened: list[str]) -> None:
        assert not models.loaded
        with pytest.raises(Unavailable, match="delay is still being loaded"):
            await models.lane("delay", LONG)
        await models.load()
        assert models.loaded
        assert await models.lane("delay@champion", LONG) is models.at_hand("delay")

    assert told(story) == ["delay", "price"]


def test_callers_at_the_same_time_share_a_load() -> None:
    async def story(models: Models, opened: list[str]) -> None:
        await models.load()
        lanes = await asyncio.gather(*(models.lane("delay@3", LONG) for _ in range(5)))
        assert len(set(map(id, lanes))) == 1

    assert told(story) == ["delay", "price", "delay@3"]


def test_the_least_used_is_given_up_and_none_that_is_in_use() -> None:
    async def story(models: Models, opened: list[str]) -> None:
        await models.load()
        first, second = await models.lane("delay@1", LONG), await models.lane("delay@2", LONG)
        await models.lane("delay@1", LONG)
        await models.lane("delay@3", LONG)
        assert await models.lane("delay@1", LONG) is first
        assert await models.lane("delay@2", LONG) is not second
        for lane in models.lanes():
            lane.scoring = 1
        with pytest.raises(Overloaded, match="2 versions besides the champions are in use"):
            await models.lane("price@5", LONG)

    assert told(story)[2:] == ["delay@1", "delay@2", "delay@3", "delay@2"]


def test_what_is_not_there_is_said() -> None:
    async def story(models: Models, opened: list[str]) -> None:
        await models.load()
        with pytest.raises(NotFound, match="there is delay, price"):
            await models.lane("weather", LONG)
        with pytest.raises(NotFound, match="delay@9 is not there"):
            await models.lane("delay@9", LONG)
        with pytest.raises(SettingsInvalid):
            await models.lane("", LONG)
        with pytest.raises(DeadlineExceeded, match="delay@4 is still being loaded"):
            await models.lane("delay@4", deadline_in(0))
        assert (await models.lane("delay@4", LONG)).name == "delay"

    told(story)
