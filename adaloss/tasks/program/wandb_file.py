"""Read the rows that a script logs with wandb from its offline files, while the script runs.

A file is a log of records as LevelDB writes it, after a header of 7 bytes. A record is a protobuf
message; `wandb_records` decodes it.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from adaloss.errors import UserError
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.wandb_records import (
    EXIT,
    EXIT_CODE,
    HISTORY,
    SUMMARY,
    fields,
    history_row,
    integer,
    numbers_of,
    summary_updates,
)

RUN_FOLDERS = "wandb/offline-run-*"
FILE_HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32 * 1024
# The checksum, the length and the kind of a piece of a record.
PIECE_HEADER = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


class WandbFileError(UserError):
    """A file of wandb cannot be decoded. The message says which one and where."""


class HistoryReader:
    """Reads one file. Each call of `new_rows` continues where the last one stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.exit_code: int | None = None
        self.logged: set[str] = set()
        self.offset = 0
        self.pieces: list[bytes] = []
        self.updates: dict[str, Mapping[str, float]] = {}

    def new_rows(self) -> list[Row]:
        """The rows with numbers that were appended since the last call.

        A record that is not complete yet is left to a later call.

        Raises:
            WandbFileError: a record is corrupt.
        """
        rows = []
        for payload in self.new_payloads():
            try:
                row = self.read_record(payload)
            except (ValueError, IndexError, struct.error) as error:
                raise self.corrupt(f"a record that cannot be decoded ({error})") from None
            if row is not None and row.values:
                rows.append(row)
        return rows

    @property
    def summary(self) -> Mapping[str, float]:
        """The numbers that the script set in the summary and never logged."""
        return without_logged(self.updates, self.logged)

    def read_record(self, payload: bytes) -> Row | None:
        """The row of a history record. Other records are noted."""
        for number, content in fields(payload):
            if not isinstance(content, bytes):
                continue
            if number == HISTORY:
                row, names = history_row(content)
                self.logged |= names
                return row
            if number == SUMMARY:
                self.read_summary(content)
            elif number == EXIT:
                self.exit_code = integer(content, EXIT_CODE)
        return None

    def read_summary(self, record: bytes) -> None:
        """Note what the script set. W&B itself updates the summary with every row."""
        for name, value in summary_updates(record):
            if name in self.logged:
                continue
            self.updates.pop(name, None)
            # W&B writes null for NaN.
            if value is not None and (numbers := numbers_of(name, value)):
                self.updates[name] = numbers

    def new_payloads(self) -> Iterator[bytes]:
        """The complete records after the offset."""
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            if self.offset == 0:
                header = stream.read(len(FILE_HEADER))
                if not FILE_HEADER.startswith(header):
                    raise self.corrupt("no header of a wandb file")
                if len(header) < len(FILE_HEADER):
                    return
                self.offset = len(FILE_HEADER)
            while True:
                left = BLOCK - self.offset % BLOCK
                if left < PIECE_HEADER.size:
                    self.offset += left
                    left = BLOCK
                stream.seek(self.offset)
                header = stream.read(PIECE_HEADER.size)
                if len(header) < PIECE_HEADER.size:
                    return
                checksum, length, kind = PIECE_HEADER.unpack(header)
                if length > left - PIECE_HEADER.size:
                    raise self.corrupt("a record with an impossible length")
                piece = stream.read(length)
                if len(piece) < length:
                    return
                if zlib.crc32(piece, zlib.crc32(header[-1:])) != checksum:
                    raise self.corrupt("a record with a wrong checksum")
                if kind not in ((MIDDLE, LAST) if self.pieces else (FULL, FIRST)):
                    raise self.corrupt("a piece of a record out of order")
                self.offset += PIECE_HEADER.size + length
                self.pieces.append(piece)
                if kind in (FULL, LAST):
                    payload = b"".join(self.pieces)
                    self.pieces = []
                    yield payload

    def corrupt(self, what: str) -> WandbFileError:
        """The error that says what is wrong with the file."""
        return WandbFileError(f"{self.path} is corrupt: {what} at byte {self.offset}")


class FolderReader:
    """Reads all runs below a WANDB_DIR, also those that appear later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.readers: dict[Path, HistoryReader] = {}

    def new_rows(self) -> list[Row]:
        """The rows that were appended to any of the files since the last call.

        Raises:
            WandbFileError: a record is corrupt.
        """
        rows = []
        for path in offline_files(self.folder):
            reader = self.readers.setdefault(path, HistoryReader(path))
            rows.extend(reader.new_rows())
        return rows

    @property
    def has_begun(self) -> bool:
        """Whether a run has begun, of which nothing may be written yet."""
        return any(self.folder.glob(RUN_FOLDERS))

    @property
    def runs(self) -> int:
        """How many runs have logged rows."""
        return sum(bool(reader.logged) for reader in self.readers.values())

    @property
    def summary(self) -> Mapping[str, float]:
        """The numbers that the script set in the summary of a run and logged in none."""
        logged = set[str]().union(*(reader.logged for reader in self.readers.values()))
        updates: dict[str, Mapping[str, float]] = {}
        for reader in self.readers.values():
            updates |= reader.updates
        return without_logged(updates, logged)


def offline_files(folder: Path) -> list[Path]:
    """The files of the runs below a WANDB_DIR, in the order in which the runs began."""
    files = folder.glob(f"{RUN_FOLDERS}/run-*.wandb")
    return sorted(files, key=lambda path: path.parent.name)


def without_logged(
    updates: Mapping[str, Mapping[str, float]], logged: set[str]
) -> Mapping[str, float]:
    """The values whose name is in no row, nor `name.max` and the like of a `define_metric`."""
    values: dict[str, float] = {}
    for name, numbers in updates.items():
        if name not in logged:
            values |= numbers
    return {name: value for name, value in values.items() if not is_logged(name, logged)}


def is_logged(name: str, logged: set[str]) -> bool:
    """Whether the name or what it is a part of is in a row."""
    return name in logged or name.rpartition(".")[0] in logged
