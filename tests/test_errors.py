"""Errors that come from another process by name."""

from __future__ import annotations

import pytest

from instream import errors
from instream.errors import InstreamError, MissingExtra, Overloaded, raised_elsewhere


@pytest.mark.parametrize("name", [name for name, kind in vars(errors).items() if isinstance(kind, type)])
def test_each_comes_back_as_it_was(name: str) -> None:
    found = raised_elsewhere(name, "why, and what to do")
    assert (type(found).__name__, str(found)) == (name, "why, and what to do")


def test_arguments_that_are_gone_have_their_defaults() -> None:
    found = raised_elsewhere("Overloaded", "come again")
    assert isinstance(found, Overloaded)
    assert found.retry_after_s == Overloaded("x").retry_after_s
    assert isinstance(raised_elsewhere("MissingExtra", "pip install it"), MissingExtra)


@pytest.mark.parametrize("name", ["KeyError", "annotations", "raised_elsewhere", "__name__", ""])
def test_a_name_that_is_no_error_of_ours(name: str) -> None:
    assert type(raised_elsewhere(name, "why")) is InstreamError
