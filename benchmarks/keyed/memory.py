"""What the parameters of many keys take in a fresh process, beside their bare numbers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.drain import Failed
from benchmarks.keyed.banks import linear
from benchmarks.keyed.packages import filled, package
from benchmarks.keyed.places import opened
from benchmarks.keyed.resident import NAME, Resident
from benchmarks.keyed.verdicts import at_most, table, told
from benchmarks.stage import CONSOLE
from instream.keyed.architecture import slot_bytes

_OF_KEY = 100
_OF_ALL = 32_000_000


def memory(rounds: int, keys: int) -> dict[str, Any]:
    """Load from a SQLite file, once in each of some processes."""
    bank = linear(keys)
    with tempfile.TemporaryDirectory(prefix="instream-bench-") as name, CONSOLE.status(f"memory: {keys:,} keys"):
        folder = Path(name)
        url = f"sqlite:///{folder / 'models.db'}"
        store = opened(url, folder)
        made = package(bank, folder / "made", NAME)
        filled(bank, store, made)
        store.put(made)
        store.close()
        found = [_run(url, folder, keys, slot_bytes(bank.architecture)) for _ in range(rounds)]
    grown = [each.after - each.before for each in found]
    parameters = found[0].parameters
    verdicts = [
        told("process before, MB", [each.before / 1e6 for each in found], ",.1f"),
        told("parameters alone, MB", [parameters / 1e6], ",.1f"),
        at_most("grown by, MB", [each / 1e6 for each in grown], (parameters + _OF_KEY * keys + _OF_ALL) / 1e6, ",.1f"),
        told("beside the parameters, bytes a key", [(each - parameters) / keys for each in grown], ",.0f"),
        told("past parameters + 100 bytes a key, MB", [(each - parameters - _OF_KEY * keys) / 1e6 for each in grown], ",.1f"),
    ]
    CONSOLE.print(
        table(f"Memory: {keys:,} keys of {slot_bytes(bank.architecture)} bytes, from a SQLite file, {rounds} processes", verdicts)
    )
    return {"rounds": found, "verdicts": verdicts}


def _run(url: str, folder: Path, keys: int, key_bytes: int) -> Resident:
    command = [sys.executable, "-m", "benchmarks.keyed.resident", url, str(folder), str(keys), str(key_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise Failed(f"the process that loads keys ended with status {done.returncode}:\n{done.stderr}")
    found = msgspec.json.decode(done.stdout, type=Resident)
    if found.keys != keys:
        raise Failed(f"{found.keys:,} of {keys:,} keys are in memory")
    return found
