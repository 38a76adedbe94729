import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "instream"


def test_every_file_and_room_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`([\w/.]+?(?:\.py|/))`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    named = {path for path in named if "NAME" not in path}
    assert len(named) > 40
    absent = {path for path in named if not any(found.exists() for found in (SOURCE / path, ROOT / path)) and not found_below(path)}
    assert not absent


def found_below(path: str) -> bool:
    """A file that the page names without its room, which the sentence before has named."""
    return "/" not in path and any(SOURCE.rglob(path))
