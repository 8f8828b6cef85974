"""The address of results at a URL, and their working copy on this machine.

All commands read and write the working copy, which :mod:`adaloss.records.remote.transfer` compares
with the URL. The file systems are fsspec's.
"""

import errno
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from adaloss.errors import UserError
from adaloss.records.places import APPLICATION
from adaloss.records.printable import shortened
from adaloss.records.writing import replacing, write_utf8

ADDRESS_FILE = ".address"
LONGEST_REASON = 300
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
EXTRAS = {"s3": "adaloss-sweep[s3]", "s3a": "adaloss-sweep[s3]", "gs": "gcsfs", "az": "adlfs"}


class RemoteError(UserError):
    """The storage at a URL cannot be reached or used; the message has the reason."""


@dataclass(frozen=True)
class Remote:
    """The results of a sweep at ``url``, with their working copy ``root``."""

    url: str
    root: Path

    @cached_property
    def where(self) -> tuple[Any, str]:
        """The file system and the path in it.

        Raises:
            RemoteError: the file system's package is not installed, or refuses the URL.
        """
        scheme = self.url.partition(":")[0]
        try:
            from fsspec.core import url_to_fs

            system, path = url_to_fs(self.url)
        except ImportError as error:
            package = EXTRAS.get(scheme)
            what = f"install {package}" if package else str(error)
            raise RemoteError(f"{self.url}: {scheme}:// needs another package: {what}") from None
        except ValueError as error:
            raise RemoteError(f"{self.url}: {error}") from None
        return system, path.rstrip("/")

    def at(self, name: str) -> str:
        """The path of a file in the file system."""
        return f"{self.where[1]}/{name}"


def working_copy(url: str) -> Path:
    """The folder of this machine for the results below a URL."""
    url = url.rstrip("/")
    readable = re.sub(r"[^\w.-]+", "-", url.partition("://")[2])[-40:].strip("-")
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    folder = user_cache_path(APPLICATION) / "storage" / f"{readable}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ADDRESS_FILE).exists():
        with replacing(folder / ADDRESS_FILE, durable=False) as temporary:
            write_utf8(temporary, f"{url}\n")
    return folder


def working_copy_of_results(url: str) -> Path:
    """The folder of this machine for the results of one sweep at a URL."""
    storage, _, name = url.rstrip("/").rpartition("/")
    return working_copy(storage) / name


def address_of(storage: Path) -> str | None:
    """The URL whose working copy this folder is; None for another folder."""
    try:
        return (storage / ADDRESS_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def remote_of(root: Path) -> Remote | None:
    """The remote side of a sweep's folder; None for a folder that is no working copy."""
    url = address_of(root.parent)
    return None if url is None else Remote(f"{url}/{root.name}", root)


@contextmanager
def reaching(remote: Remote) -> Iterator[None]:
    """Turn every error of the file system into one that names the URL.

    Raises:
        RemoteError: there was an error.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    # Each file system has errors of its own, and of the libraries below it.
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise RemoteError(
                f"the working copy of {remote.url} cannot be written: {error.strerror}; free some "
                f"space for {remote.root}"
            ) from error
        text = " ".join(str(error).split()) or type(error).__name__
        raise RemoteError(
            f"{remote.url} cannot be used: {shortened(text, LONGEST_REASON)} "
            f"({type(error).__name__}); check the address, the credentials and the network"
        ) from error
