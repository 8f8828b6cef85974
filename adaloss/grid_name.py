"""The name of a sweep whose file gives none: the file's own, made fit for a folder."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from adaloss.grid_file import GridFile, read_grid_text
from adaloss.grid_problems import GridError, Problem

LONGEST = 64


def with_name(file: GridFile) -> tuple[GridFile, list[Problem]]:
    """The file with a name, also in its text: copies of it are kept in files of other names."""
    if "name" in file.data:
        return file, []
    name = name_of(file.source.stem)
    # What comes through a pipe has another name each time: its results would be lost sight of.
    if not name or not file.source.is_file():
        message = "name is missing, and none can be taken from the file's; write name: …"
        return file, [file.problem(("name",), message)]
    data = {**file.data, "name": name}
    for text in named_texts(file.text, name):
        try:
            if read_grid_text(file.source, text).data == data:
                return replace(file, data=data, text=text), []
        except GridError:
            continue
    message = f"name is missing; write name: {name}"
    return file, [file.problem(("name",), message)]


def name_of(stem: str) -> str:
    """A file's name as that of a folder; empty where nothing of it can stay."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:LONGEST].rstrip("-._")


def named_texts(text: str, name: str) -> Iterator[str]:
    """The text with a name at its end, where no line moves, or as braces and JSON have it."""
    end = "" if not text or text.endswith("\n") else "\n"
    yield f"{text}{end}name: {json.dumps(name)}\n"
    yield text.replace("{", f'{{"name": {json.dumps(name)}, ', 1)
