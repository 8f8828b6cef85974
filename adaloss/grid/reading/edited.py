"""Change top-level values of a grid's text; its comments and the rest stay as they are."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import GridError
from adaloss.grid.reading.file import read_grid_text

# Lines are not broken.
WIDTH = 2**16


def edited(source: Path, text: str, changes: Mapping[str, Any]) -> str:
    """The grid's text with these values, after a check that nothing else has changed.

    Raises:
        UserError: the text cannot be changed in this way; ``source`` is its file.
    """
    by_hand = UserError(f"{source}: {', '.join(changes)} cannot be changed in this file")
    expected = {name: tuple(v) if isinstance(v, list) else v for name, v in changes.items()}
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = WIDTH
    try:
        before = read_grid_text(source, text).data
        if before == {**before, **expected}:
            return text
        document = editor.load(text)
        document.update(changes)
        written = io.StringIO()
        editor.dump(document, written)
        after = read_grid_text(source, written.getvalue()).data
    except (GridError, YAMLError, AttributeError, TypeError, ValueError):
        raise by_hand from None
    if after != {**before, **expected}:
        raise by_hand
    return written.getvalue()
