"""What tests of several rooms share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # how busy the machine is, is no fault
settings.load_profile("shared")
pytest.register_assert_rewrite("instream.testing")  # the laws are there: a failed one shows its values

from instream.testing.kafka import Broker  # noqa: E402


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: what is not run is not known."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    if skipped := reporter.stats.get("skipped", []):
        reporter.write_line(f"{len(skipped)} skipped: not allowed in CI", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One real Kafka broker for the whole run; started when the first test asks. Such tests are slow ones."""
    with Broker() as started:
        yield started


@pytest.fixture
def unique() -> str:
    """A name that no other test uses, for topics, groups and pipelines on the shared broker."""
    return f"t{uuid.uuid4().hex[:10]}"
