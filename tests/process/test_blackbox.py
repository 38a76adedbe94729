from __future__ import annotations

from pathlib import Path

from instream.process import blackbox
from instream.process.blackbox import Flight, Recorder


def test_the_last_note_is_read(tmp_path: Path) -> None:
    path = tmp_path / "0.blackbox"
    blackbox.make(path)
    assert blackbox.read(path) == Flight()
    recorder = Recorder(path)
    for n in range(5):
        recorder.note(Flight("delay", n, (1,), {"in/0": (n, n + 9)}))
    assert blackbox.read(path) == Flight("delay", 4, (1,), {"in/0": (4, 13)})


def test_a_note_that_was_not_finished_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "0.blackbox"
    blackbox.make(path)
    Recorder(path).note(Flight("delay", 1))
    content = bytearray(path.read_bytes())
    other = 8 + (1 << 14) * (1 - (content[0] - 1))
    content[other : other + 20] = b"\xff" * 20
    path.write_bytes(content)
    assert blackbox.read(path) == Flight("delay", 1)


def test_hundreds_of_partitions_leave_the_model_named(tmp_path: Path) -> None:
    path = tmp_path / "0.blackbox"
    blackbox.make(path)
    Recorder(path).note(Flight("delay", 1, (2,), {f"a-long-topic-name/{n}": (0, 1) for n in range(2_000)}))
    assert blackbox.read(path) == Flight("delay", 1, (2,))
