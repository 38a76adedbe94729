"""The blocks of a Markdown file, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is where its content begins, `word` what follows the language, as in "bash flink"."""

    language: str
    text: str
    line: int
    word: str = ""


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [Block(found[1], found[3], text.count("\n", 0, found.start()) + 2, found[2] or "") for found in _BLOCK.finditer(text)]
