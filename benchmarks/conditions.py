"""On what the figures were taken: without it they mean nothing."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path


def conditions() -> dict[str, str | int | float]:
    """Machine, load and versions, for the JSON file."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in ("confluent-kafka", "onnxruntime", "pyarrow", "msgspec", "numpy")},
    }


def warning(found: dict[str, str | int | float]) -> str:
    """A sentence when something else is busy here; empty when not."""
    if float(found["load_1min"]) > 0.5 * float(found["processors"]):
        return f"The machine is busy (load {found['load_1min']} on {found['processors']} processors): trust the ratios, not the rates."
    return ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
