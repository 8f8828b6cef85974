"""The name of a sweep whose file gives none: the file's own, made fit for a folder."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from adaloss.grid.mistakes.problems import GridError, Problem
from adaloss.grid.reading.file import GridFile, read_grid_text

LONGEST = 64
DOCUMENT_END = re.compile(r"^\.\.\.\s*\Z", re.MULTILINE)


def with_name(file: GridFile) -> tuple[GridFile, list[Problem]]:
    """The file with a name, also in its text: copies of it are kept in files of other names."""
    if "name" in file.data:
        return file, []
    name = name_of(file.source.stem)
    # What comes through a pipe has another name each time: its results would be lost sight of.
    if not name or not file.source.is_file():
        return without_name(file, ", and none can be taken from the file's; write name: …")
    data = {**file.data, "name": name}
    for text in named_texts(file, name):
        try:
            if read_grid_text(file.source, text).data == data:
                return replace(file, data=data, text=text), []
        except GridError:
            continue
    return without_name(file, f"; write name: {name}")


def without_name(file: GridFile, advice: str) -> tuple[GridFile, list[Problem]]:
    """The file with a name that stands for the missing one, so that the rest can be judged."""
    problem = file.problem(("name",), f"name is missing{advice}")
    return replace(file, data={**file.data, "name": "nameless"}), [problem]


def name_of(stem: str) -> str:
    """A file's name as that of a folder; empty where nothing of it can stay."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:LONGEST].rstrip("-._")


def named_texts(file: GridFile, name: str) -> Iterator[str]:
    """The text with a name at its end, where no line moves, or as braces and JSON have it."""
    body, end = file.text, ""
    if found := DOCUMENT_END.search(file.text):
        body, end = file.text[: found.start()], found[0]
    lines = body.splitlines()
    first = lines[file.line((next(iter(file.data), ""),)) - 1] if lines else ""
    margin = " " * (len(first) - len(first.lstrip()))
    line_end = "" if body.endswith("\n") else "\n"
    yield f"{body}{line_end}{margin}name: {json.dumps(name)}\n{end}"
    yield file.text.replace("{", f'{{"name": {json.dumps(name)}, ', 1)
