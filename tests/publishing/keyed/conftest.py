"""Small models in many tests at once."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that spin for a few rows take the cores from the tests beside them."""
    with threadpool_limits(1):
        yield
