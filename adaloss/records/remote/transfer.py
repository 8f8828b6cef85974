"""Take over what changed at a URL, and upload what changed here."""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from adaloss.records.remote.address import Remote, RemoteError, reaching
from adaloss.records.store import LOCK_FILE, OWNER_FILE, RESULT_FILE
from adaloss.records.writing import replacing, write_utf8

STATE_FILE = ".in-common.json"
# Of this machine alone. Names that begin with a dot are as well.
LOCAL = frozenset({LOCK_FILE, OWNER_FILE, "index"})
CONFLICTS = "conflicts"
TRIALS = "trials/"
# Larger files, such as checkpoints, are not read into memory.
MOST_BYTES_AT_ONCE = 8 * 2**20

Signature = str | None
Version = tuple[int, int]


@dataclass(frozen=True)
class Common:
    """A file as it was when both sides had it: its local version and its remote signature."""

    local: Version
    remote: Signature


def pull(remote: Remote) -> list[str]:
    """Take over what changed at the URL; returns the records of trials that changed on both sides.

    Of these the remote version is taken, and the local one is kept in ``conflicts``. Tables and
    the like are simply replaced. What only changed here stays, to be uploaded by the next run.

    Raises:
        RemoteError: the storage cannot be reached, or all that it had is gone.
    """
    with reaching(remote):
        state, there, here = state_of(remote), remote_files(remote), local_files(remote.root)
        if state and not there:
            raise RemoteError(
                f"{remote.url} is empty, and had {len(state)} files: they were removed there; "
                f"{remote.root} still has them: copy it to keep them, and delete it to start anew"
            )
        wanted = [
            name
            for name, signature in there.items()
            if name not in here or name not in state or state[name].remote != signature
        ]
        conflicts: list[str] = []
        if wanted:
            system, _ = remote.where
            received = remote.root / f".received-{uuid4().hex[:8]}"
            arrived = {name: received / name for name in wanted}
            try:
                for path in arrived.values():
                    path.parent.mkdir(parents=True, exist_ok=True)
                system.get([remote.at(name) for name in arrived], list(map(str, arrived.values())))
                conflicts = [
                    name
                    for name in wanted
                    if name.startswith(TRIALS)
                    and changed_here(name, state, here)
                    and (remote.root / name).read_bytes() != arrived[name].read_bytes()
                ]
                keep_aside(remote.root, conflicts)
                for name in sorted(wanted, key=last_of_all):
                    target = remote.root / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    arrived[name].replace(target)
                    state[name] = Common(version(target), there[name])
            finally:
                remove_tree(received)
        for name in [name for name in state if name not in there]:
            if here.get(name) == state[name].local:
                (remote.root / name).unlink(missing_ok=True)
            del state[name]
        write_state(remote, state)
    return conflicts


def push(remote: Remote, before: Collection[str]) -> set[str]:
    """Upload what changed here, and remove what was here ``before`` and is no longer.

    Results come last, so that a trial is finished there once all of it is. Returns the names that
    are here now.

    Raises:
        RemoteError: the storage cannot be reached. What was uploaded is not uploaded again.
    """
    with reaching(remote):
        state, here = state_of(remote), local_files(remote.root)
        changed = [n for n, seen in here.items() if n not in state or state[n].local != seen]
        gone = [name for name in before if name not in here]
        try:
            for results in (False, True):
                upload(remote, [n for n in changed if last_of_all(n)[0] is results], here, state)
            there = remote_files(remote) if changed else {}
            state.update({n: Common(state[n].local, there.get(n)) for n in changed if n in state})
            for name in gone:
                with suppress(FileNotFoundError):
                    remote.where[0].rm_file(remote.at(name))
                state.pop(name, None)
        finally:
            if changed or gone:
                write_state(remote, state)
    return set(here)


def upload(
    remote: Remote, names: Iterable[str], here: Mapping[str, Version], state: dict[str, Common]
) -> None:
    """Upload these files, small ones together."""
    system, _ = remote.where
    small: dict[str, bytes] = {}
    done: list[str] = []
    for name in names:
        # A file may have been replaced or removed since: the next call sees that.
        with suppress(FileNotFoundError):
            if here[name][1] <= MOST_BYTES_AT_ONCE:
                small[remote.at(name)] = (remote.root / name).read_bytes()
            else:
                system.put_file(str(remote.root / name), remote.at(name))
            done.append(name)
    if small:
        system.pipe(small)
    state.update((name, Common(here[name], None)) for name in done)


def local_files(root: Path) -> dict[str, Version]:
    """The files of the working copy that the URL has as well, by name."""
    found: dict[str, Version] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if is_shared(name)]
        for name in filter(is_shared, files):
            path = Path(folder, name)
            with suppress(OSError):
                if not path.is_symlink():
                    found[path.relative_to(root).as_posix()] = version(path)
    return found


def remote_files(remote: Remote) -> dict[str, Signature]:
    """The files at the URL, with what changes when they change."""
    system, path = remote.where
    system.invalidate_cache()
    try:
        found: dict[str, dict[str, Any]] = system.find(path, detail=True)
    except FileNotFoundError:
        return {}
    names = {full.removeprefix(f"{path}/"): about for full, about in found.items()}
    return {
        name: signature(about)
        for name, about in names.items()
        if all(is_shared(part) for part in name.split("/"))
    }


def signature(about: Mapping[str, Any]) -> str:
    """What a file system says of a file's content."""
    marks = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "created")
    known = next((str(about[mark]) for mark in marks if about.get(mark)), "")
    return f"{known} {about.get('size')}"


def is_shared(name: str) -> bool:
    """Whether a file or folder of this name belongs to the results, not to this machine."""
    return not name.startswith(".") and name not in LOCAL


def version(path: Path) -> Version:
    """What changes when a local file changes."""
    about = path.stat()
    return about.st_mtime_ns, about.st_size


def last_of_all(name: str) -> tuple[bool, str]:
    """The order in which files are written: a trial's result last."""
    return name.rpartition("/")[2] == RESULT_FILE, name


def changed_here(name: str, state: Mapping[str, Common], here: Mapping[str, Version]) -> bool:
    """Whether a local file is another than when both sides had it."""
    return name in here and (name not in state or state[name].local != here[name])


def keep_aside(root: Path, names: Collection[str]) -> None:
    """Move local files into a folder below ``conflicts`` that no other machine makes."""
    if not names:
        return
    folder = root / CONFLICTS / uuid4().hex[:12]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).replace(folder / name)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with suppress(FileNotFoundError):
        folder.rmdir()


def is_running(root: Path) -> bool:
    """Whether a run of this machine uses the working copy, which is newer than the URL then."""
    lock = root / LOCK_FILE
    if not lock.exists():
        return False
    try:
        with FileLock(lock, blocking=False):
            return False
    except Timeout:
        return True


def state_of(remote: Remote) -> dict[str, Common]:
    """What both sides had in common when the working copy was last compared."""
    try:
        content = json.loads((remote.root / STATE_FILE).read_text(encoding="utf-8"))
        return {name: Common((seen, size), sign) for name, (seen, size, sign) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_state(remote: Remote, state: Mapping[str, Common]) -> None:
    """Remember what both sides have in common."""
    remote.root.mkdir(parents=True, exist_ok=True)
    content = {name: (*known.local, known.remote) for name, known in state.items()}
    with replacing(remote.root / STATE_FILE, durable=False) as temporary:
        write_utf8(temporary, json.dumps(content))
