"""Take over what changed at a URL, and upload what changed here."""

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from adaloss.records.remote.address import Remote, RemoteError, reaching
from adaloss.records.remote.state import (
    Common,
    Signature,
    Version,
    begin_uploads,
    begun_uploads,
    settle_uploads,
    state_of,
    version,
    write_state,
)
from adaloss.records.shared import is_shared
from adaloss.records.store import LOCK_FILE, RESULT_FILE

# Held while files of the URL replace those of the working copy.
PULL_LOCK = ".pull.lock"
CONFLICTS = "conflicts"
TRIALS = "trials/"
# Larger files, such as checkpoints, are not read into memory.
MOST_BYTES_AT_ONCE = 8 * 2**20


def pull(remote: Remote, *, unless_running: bool = False) -> list[str]:
    """Take over what changed at the URL; returns the records of trials that changed on both sides.

    Of these the remote version is taken, and the local one is kept in ``conflicts``. Tables and
    the like are simply replaced. What only changed here stays, to be uploaded by the next run.

    With ``unless_running`` nothing is done while a run of this machine uses the working copy, which
    is newer than the URL then. A run that starts meanwhile waits in its own call.

    Raises:
        RemoteError: the storage cannot be reached, or all that it had is gone.
    """
    with reaching(remote), FileLock(remote.root / PULL_LOCK):
        if unless_running and is_running(remote.root):
            return []
        return take_over(remote)


def take_over(remote: Remote) -> list[str]:
    """See :func:`pull`; the caller holds the lock."""
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
            # An upload of this machine that was cut off has nothing that is new here.
            own = begun_uploads(remote)
            for name in [n for n in own if n in arrived and n in here]:
                if own[name] == digest_of(arrived[name]):
                    del arrived[name]
            conflicts = [
                name
                for name in arrived
                if name.startswith(TRIALS)
                and changed_here(name, state, here)
                and (remote.root / name).read_bytes() != arrived[name].read_bytes()
            ]
            keep_aside(remote.root, conflicts)
            for name in sorted(arrived, key=last_of_all):
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
    settle_uploads(remote, state, there)
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
        if begun_uploads(remote):
            # Of a call that failed. Since then nobody else has written there.
            settle_uploads(remote, state, remote_files(remote))
        changed = [n for n, seen in here.items() if n not in state or state[n].local != seen]
        gone = [name for name in before if name not in here]
        try:
            for results in (False, True):
                upload(remote, [n for n in changed if last_of_all(n)[0] is results], here, state)
            if changed:
                settle_uploads(remote, state, remote_files(remote))
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
    digests: dict[str, str] = {}
    for name in names:
        # A file may have been replaced or removed since: the next call sees that.
        with suppress(FileNotFoundError):
            if here[name][1] <= MOST_BYTES_AT_ONCE:
                small[name] = (remote.root / name).read_bytes()
                digests[name] = hashlib.sha256(small[name]).hexdigest()
            else:
                digests[name] = digest_of(remote.root / name)
    if not digests:
        return
    begin_uploads(remote, digests)
    for name in digests.keys() - small.keys():
        with suppress(FileNotFoundError):
            system.put_file(str(remote.root / name), remote.at(name))
            state[name] = Common(here[name], None)
    if small:
        system.pipe({remote.at(name): content for name, content in small.items()})
        state.update((name, Common(here[name], None)) for name in small)


def local_files(root: Path) -> dict[str, Version]:
    """The files of the working copy that the URL has as well, by name.

    Raises:
        RemoteError: some cannot be looked at. They would count as removed.
    """
    found: dict[str, Version] = {}

    def refuse(error: OSError) -> None:
        # What has just been removed is no longer there, indeed.
        if not isinstance(error, FileNotFoundError):
            raise RemoteError(
                f"{error.filename or root} cannot be read ({error.strerror}), and what is in it "
                "would count as removed: make it readable"
            ) from error

    for parent, folders, files in os.walk(root, onerror=refuse):
        below = Path(parent).relative_to(root)
        folders[:] = [name for name in folders if is_shared((below / name).as_posix())]
        for name in files:
            path = below / name
            try:
                if is_shared(path.as_posix()) and not (root / path).is_symlink():
                    found[path.as_posix()] = version(root / path)
            except OSError as error:
                refuse(error)
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
    return {name: signature(about) for name, about in names.items() if is_shared(name)}


def signature(about: Mapping[str, Any]) -> str:
    """What a file system says of a file's content."""
    marks = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "created")
    known = next((str(about[mark]) for mark in marks if about.get(mark)), "")
    return f"{known} {about.get('size')}"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
