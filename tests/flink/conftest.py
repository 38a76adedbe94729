"""Pipelines on Flink: in an environment of its own, since PyFlink and PySpark do not install together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

os.environ.setdefault("JVM_ARGS", "-Xmx768m")  # of every JVM of these tests

collect_ignore_glob = ["test_*.py"] if find_spec("pyflink") is None else []
"""Elsewhere there is nothing to import."""

if not collect_ignore_glob:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyFlink's own deprecations are not ours
        import pyflink.table  # noqa: F401


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    """PyFlink leaves what its workers are told in the environment of the process that ran a job, and so of what it starts next."""
    before = os.environ.copy()
    yield
    for name in os.environ.keys() - before.keys():
        if name.startswith("PYFLINK_"):
            del os.environ[name]
