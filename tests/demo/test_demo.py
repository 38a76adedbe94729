"""The demo as a user runs it, with fewer records."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RECORDS = 20_000
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", [(), ("--kafka",), ("--cassandra",)], ids=["pipes", "kafka", "cassandra"])
def test_every_record_is_accounted_for_over_a_swap(tmp_path: Path, where: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "examples.flights.demo", "--records", str(RECORDS), "--rate", "2000", *where]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {name: int(count.replace(",", "")) for name, count in re.findall(r"│ ([a-z-]+) +│ +([\d,]+) │", done.stdout)}
    assert figures["in"] == RECORDS
    assert figures["dead-lettered"] == RECORDS // 2_000
    assert figures["out"] == RECORDS - figures["dead-lettered"]
    assert figures["lost"] == figures["duplicated"] == figures["filtered"] == 0
    scored = {int(version): int(count.replace(",", "")) for version, count in re.findall(r"│ delay@(\d) +│ +([\d,]+) │", done.stdout)}
    assert set(scored) == {1, 2}, "the promotion in mid-stream changed the model"
    assert sum(scored.values()) == figures["out"]
    compared = {name: each for name, *each in re.findall(r"│ ([a-z -]+?) +│ +([\d,]+) │ +([\d,]+) │ +([\d,]+) │", done.stdout)}
    assert compared["records in"] == [f"{RECORDS:,}"] * 3
    assert compared["records out"] == [f"{figures['out']:,}"] * 3
    assert compared["records lost"] == compared["records duplicated"] == ["0"] * 3
    assert int(compared["keys updated in mid-stream"][2]) > 150
    assert "By what was just measured:" in done.stdout
    assert re.search(r"At full speed: [\d,]+ outputs at [\d,]+ records/s", done.stdout)
    report = (tmp_path / "build/demo/report.html").read_text()
    assert report.count("<svg") == 3
    assert not re.search(r"""(src|href)=["'](?!#)|url\((?!#)""", report), "one file, which loads nothing"
