"""The grid and the user's own code in a ConfigMap, which the head's pod has as a folder."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml.scalarstring import LiteralScalarString

from adaloss.errors import UserError

GRID = "grid.yaml"
# Kubernetes refuses a larger ConfigMap.
MOST_BYTES = 2**20


def named_below(paths: Iterable[Path], folders: Sequence[Path]) -> dict[str, bytes]:
    """The content of each file, by its path below each of the folders that it is in.

    A grid may name it from any of them. Where two files have a name, the first folder's is found.
    """
    found: dict[str, bytes] = {}
    for folder in folders:
        for path in sorted(paths):
            if path.is_relative_to(folder):
                found.setdefault(path.relative_to(folder).as_posix(), path.read_bytes())
    return found


def config_map(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The ConfigMap of the files, which are named by their relative paths.

    Raises:
        UserError: they are too large together.
    """
    size = sum(len(key_of(path)) + len(content) for path, content in files.items())
    if size > MOST_BYTES:
        raise UserError(
            f"the grid and your own code have {len(files)} files with {size / 2**20:.1f} MiB, and "
            f"a ConfigMap of Kubernetes holds {MOST_BYTES // 2**20} MiB: install the code in the "
            "image as a package"
        )
    texts, others = {}, {}
    for path, content in files.items():
        if (text := text_of(content)) is not None:
            texts[key_of(path)] = LiteralScalarString(text)
        else:
            others[key_of(path)] = base64.b64encode(content).decode()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": texts,
        **({"binaryData": others} if others else {}),
    }


def items(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    """Where each key of the ConfigMap is in the folder."""
    return [{"key": key_of(path), "path": path} for path in files]


def key_of(path: str) -> str:
    """The key of a file: the path with the characters that a key may have.

    Others are written as the numbers of their bytes, so that no two paths have the same key.
    """
    return re.sub(r"[^a-zA-Z0-9.-]", lambda found: escaped(found[0]), path)


def escaped(character: str) -> str:
    """A character as it is in a key: ``_2f`` is a slash."""
    return "".join(f"_{byte:02x}" for byte in character.encode())


def text_of(content: bytes) -> str | None:
    """The content as text, None if it is no text that YAML shows as it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\n\t" for c in text) else None
