"""The documents of the repository and the blocks of code in them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "decisions").glob("*.md")),
)
BLOCK = re.compile(r"^```(\w*)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: Path, language: str) -> Iterator[tuple[str, str]]:
    """The title and the text of each block of code in this language."""
    for found, title, text in BLOCK.findall(document.read_text(encoding="utf-8")):
        if found == language:
            yield title, text


def prose(document: Path) -> str:
    """The document without its blocks of code."""
    return BLOCK.sub("", document.read_text(encoding="utf-8"))


def named(document: Path) -> str:
    """The document's path in the repository."""
    return document.relative_to(ROOT).as_posix()
