"""Results as one file: a BagIt folder (RFC 8493) in a gzipped tar, with SHA-256 of every file.

    NAME/bagit.txt  bag-info.txt  data/…  manifest-sha256.txt  tagmanifest-sha256.txt

``manifest-sha256.txt`` has the digest of each file of the results, and the tag manifest that of the
manifest; gzip has a checksum of the whole. They follow the files, so that each is read once.
"""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Protocol

from adaloss.errors import UserError
from adaloss.records.shared import LOCAL
from adaloss.records.store import TEMPORARY_FILES
from adaloss.records.writing import replacing

SUFFIX = ".tar.gz"
PAYLOAD = "data"
BAGIT, INFO, MANIFEST, TAG_MANIFEST = (
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
)
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
# Files and folders of this machine, or made again; at the top also all that begin with a dot.
NOT_PACKED = frozenset({*LOCAL, "trackio"})
# Higher levels take twice the time for a few percent.
LEVEL = 6

Digests = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What an archive has, and what it lacks: ``left_out`` are links, pipes and the like."""

    files: int
    bytes: int
    left_out: tuple[str, ...]


class Readable(Protocol):
    """What can be read."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""


class Digesting:
    """Reads from a file and computes the SHA-256 of what was read."""

    def __init__(self, file: Readable) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""
        part = self.file.read(size)
        self.digest.update(part)
        return part


def write_archive(root: Path, target: Path) -> Packed:
    """Write the results in ``root`` to an archive, which appears whole.

    Raises:
        UserError: ``target`` exists, or lies in the results, whose name ``import`` would refuse.
    """
    if root.name.startswith("."):
        raise UserError(
            f"{root}: its name begins with a dot, and `import` takes no such folder: `rename` it"
        )
    if os.path.lexists(target):
        raise UserError(f"{target} already exists: name another file with -o")
    if root.resolve() in target.resolve().parents:
        raise UserError(f"{target} lies in the results: name a file elsewhere with -o")
    digests: Digests = {}
    left_out: list[str] = []
    size = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        replacing(target, durable=True) as temporary,
        tarfile.open(temporary, "w:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT) as tar,
    ):
        top = root.name
        tags = {BAGIT: DECLARATION}
        add(tar, f"{top}/{BAGIT}", DECLARATION)
        for name in names_to_pack(root):
            file = opened(root / name)
            if file is None:
                left_out.append(name)
                continue
            with file:
                entry = plain(f"{top}/{PAYLOAD}/{name}", os.fstat(file.fileno()))
                reading = Digesting(file)
                tar.addfile(entry, reading)
            size += entry.size
            digests[f"{PAYLOAD}/{name}"] = reading.digest.hexdigest()
        tags[INFO] = bag_info(len(digests), size)
        tags[MANIFEST] = manifest(digests)
        tags[TAG_MANIFEST] = manifest(
            {name: hashlib.sha256(text).hexdigest() for name, text in tags.items()}
        )
        for name in (INFO, MANIFEST, TAG_MANIFEST):
            add(tar, f"{top}/{name}", tags[name])
    return Packed(files=len(digests), bytes=size, left_out=tuple(left_out))


def names_to_pack(root: Path) -> Iterator[str]:
    """The paths of the results' files below ``root``, in order.

    Raises:
        UserError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise UserError(
            f"{error.filename or root} cannot be read ({error.strerror}), and the archive would be "
            "without what is in it: make it readable"
        ) from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        is_top = Path(folder) == root
        folders[:] = sorted(name for name in folders if is_packed(name, is_top=is_top))
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted((*filter(lambda name: is_packed(name, is_top=is_top), files), *links)):
            yield Path(folder, name).relative_to(root).as_posix()


def is_packed(name: str, *, is_top: bool) -> bool:
    """Whether a file or folder of this name belongs to the results."""
    if is_top:
        return not name.startswith(".") and name not in NOT_PACKED
    return name != "mirror.lock" and not any(fnmatch(name, each) for each in TEMPORARY_FILES)


def opened(path: Path) -> IO[bytes] | None:
    """The file, open to be read; None if it is none, such as a link, which could lead anywhere."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def plain(name: str, status: os.stat_result) -> tarfile.TarInfo:
    """An entry for a file: nobody's, with its time to the nanosecond."""
    entry = tarfile.TarInfo(name)
    entry.size = status.st_size
    seconds, rest = divmod(status.st_mtime_ns, 10**9)
    entry.mtime = float(seconds)
    entry.pax_headers = {"mtime": f"{seconds}.{rest:09d}"}
    return entry


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file with this content."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mtime = int(datetime.now(UTC).timestamp())
    tar.addfile(entry, io.BytesIO(content))


def bag_info(files: int, size: int) -> bytes:
    """The description of the bag: the day, and the number of bytes and files."""
    day = datetime.now(UTC).date().isoformat()
    return f"Bagging-Date: {day}\nPayload-Oxum: {size}.{files}\n".encode()


def manifest(digests: Mapping[str, str]) -> bytes:
    """Digests as ``sha256sum`` writes them."""
    lines = (f"{digest}  {quoted(name)}\n" for name, digest in digests.items())
    return "".join(lines).encode(errors="surrogateescape")


def parsed_manifest(content: bytes) -> Digests:
    """The digests of a manifest by name.

    Raises:
        ValueError: it is none.
    """
    found: Digests = {}
    for line in content.decode(errors="surrogateescape").split("\n")[:-1]:
        digest, space, name = line.partition("  ")
        if len(digest) != 64 or not space or not name:
            raise ValueError("it is not a manifest")
        found[unquoted(name)] = digest
    return found


def quoted(name: str) -> str:
    """A name on one line, as BagIt writes it."""
    return name.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def unquoted(name: str) -> str:
    """The name that was quoted."""
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
