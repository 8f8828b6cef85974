"""Name a sweep after its file if the grid has no name."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from adaloss.grid.mistakes.problems import GridError, Problem
from adaloss.grid.reading.file import GridFile, read_grid_text

LONGEST = 64
DOCUMENT_END = re.compile(r"^\.\.\.\s*\Z", re.MULTILINE)


def with_name(file: GridFile) -> tuple[GridFile, list[Problem]]:
    """The file with a name in its data and its text, of which copies are kept in other files."""
    if "name" in file.data:
        return file, []
    if not file.lines:
        return without_name(file, ": give the sweep a name, which its results folder gets as well")
    name = name_of(file.source.stem)
    # A pipe has another name each time, so its results would not be found again.
    if not name or not file.source.is_file():
        return without_name(file, ", and the file's name cannot be used; write name: …")
    data = {**file.data, "name": name}
    for text in named_texts(file, name):
        try:
            if read_grid_text(file.source, text).data == data:
                return replace(file, data=data, text=text), []
        except GridError:
            continue
    return without_name(file, f"; write name: {name}")


def without_name(file: GridFile, advice: str) -> tuple[GridFile, list[Problem]]:
    """The file with a placeholder as its name, so that the rest can be checked."""
    problem = file.problem(("name",), f"name is missing{advice}")
    return replace(file, data={**file.data, "name": "nameless"}), [problem]


def name_of(stem: str) -> str:
    """A file's name as a valid name of a folder. Empty if no character is valid."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:LONGEST].rstrip("-._")


def named_texts(file: GridFile, name: str) -> Iterator[str]:
    """Texts that may have the name: with a last line, which moves no other line, or in braces."""
    body, end = file.text, ""
    if match := DOCUMENT_END.search(file.text):
        body, end = file.text[: match.start()], match[0]
    lines = body.splitlines()
    number = file.line((next(iter(file.data), ""),)) or 1
    first = lines[number - 1] if lines else ""
    margin = " " * (len(first) - len(first.lstrip()))
    line_end = "" if body.endswith("\n") else "\n"
    yield f"{body}{line_end}{margin}name: {json.dumps(name)}\n{end}"
    yield file.text.replace("{", f'{{"name": {json.dumps(name)}, ', 1)
