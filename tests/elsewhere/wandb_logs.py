"""Files of W&B as its own writer lays them out."""

import struct
import zlib
from typing import Any

from wandb.proto import wandb_internal_pb2 as pb

from adaloss.tasks.program.wandb_file import BLOCK, FILE_HEADER


def history(step: int, **values: str) -> Any:
    """The record of a row, whose values are JSON."""
    items = [pb.HistoryItem(nested_key=[key], value_json=text) for key, text in values.items()]
    return pb.Record(history=pb.HistoryRecord(item=items, step=pb.HistoryStep(num=step)))


def log_of(*records: Any) -> bytes:
    """The content of a file with these records."""
    log = bytearray(FILE_HEADER)
    for record in records:
        payload = record.SerializeToString()
        begun = False
        while payload or not begun:
            left = BLOCK - len(log) % BLOCK
            if left < 7:
                log += bytes(left)
                left = BLOCK
            piece, payload = payload[: left - 7], payload[left - 7 :]
            kind = (3 if payload else 4) if begun else (2 if payload else 1)
            checksum = zlib.crc32(bytes([kind]) + piece)
            log += struct.pack("<IHB", checksum, len(piece), kind) + piece
            begun = True
    return bytes(log)
