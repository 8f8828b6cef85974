"""What a working copy and its URL have in common, and the uploads that have begun: on this disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adaloss.records.remote.address import Remote
from adaloss.records.writing import replacing, write_utf8

STATE_FILE, BEGUN_FILE = ".in-common.json", ".begun-uploads.json"

Signature = str | None
Version = tuple[int, int]
# Of a file whose content here was never that at the URL.
NEVER: Version = (0, 0)


@dataclass(frozen=True)
class Common:
    """A file as it was when both sides had it: its local version and its remote signature."""

    local: Version
    remote: Signature


def version(path: Path) -> Version:
    """What changes when a local file changes."""
    about = path.stat()
    return about.st_mtime_ns, about.st_size


def state_of(remote: Remote) -> dict[str, Common]:
    """What both sides had in common when the working copy was last compared."""
    try:
        content = json.loads((remote.root / STATE_FILE).read_text(encoding="utf-8"))
        return {name: Common((seen, size), sign) for name, (seen, size, sign) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_state(remote: Remote, state: Mapping[str, Common]) -> None:
    """Remember what both sides have in common."""
    content = {name: (*known.local, known.remote) for name, known in state.items()}
    write_json(remote.root / STATE_FILE, content)


def begun_uploads(remote: Remote) -> dict[str, str]:
    """The digests of what was to be uploaded and may have arrived, by name."""
    try:
        content = json.loads((remote.root / BEGUN_FILE).read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def begin_uploads(remote: Remote, digests: Mapping[str, str]) -> None:
    """Remember what is about to be uploaded: an upload that is cut off may still arrive."""
    write_json(remote.root / BEGUN_FILE, {**begun_uploads(remote), **digests})


def settle_uploads(
    remote: Remote, state: dict[str, Common], there: Mapping[str, Signature]
) -> None:
    """Take ``there``, what the URL has now, as what has become of the uploads, and forget them."""
    for name in begun_uploads(remote):
        if name in there:
            local = state[name].local if name in state else NEVER
            state[name] = Common(local, there[name])
    write_state(remote, state)
    (remote.root / BEGUN_FILE).unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a file of this machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=False) as temporary:
        write_utf8(temporary, json.dumps(content))
