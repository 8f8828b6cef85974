"""Decode the few protobuf messages of wandb that have metrics.

The numbers of the fields are those of `wandb.proto.wandb_internal_pb2`, which `adaloss` does not
import; the tests compare them.
"""

import json
from collections.abc import Iterator
from typing import Any

from adaloss.tasks.program.row import NOT_FINITE, Row

# Record
HISTORY, SUMMARY, EXIT = 2, 3, 18
# HistoryRecord
HISTORY_ITEM, HISTORY_STEP = 1, 2
# HistoryStep
STEP_NUMBER = 1
# SummaryRecord
SUMMARY_UPDATE, SUMMARY_REMOVE = 1, 2
# HistoryItem and SummaryItem
KEY, NESTED_KEY, VALUE_JSON = 1, 2, 16
# RunExitRecord
EXIT_CODE = 1

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5

Field = tuple[int, int | bytes]
Key = tuple[str, ...]


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a protobuf message: integers and, as bytes, all others.

    Raises:
        ValueError: this is no protobuf message.
        IndexError: the message is cut off.
    """
    position = 0
    while position < len(message):
        tag, position = varint(message, position)
        wire = tag & 7
        if wire == VARINT:
            value, position = varint(message, position)
            yield tag >> 3, value
            continue
        if wire == LENGTH:
            size, position = varint(message, position)
        elif wire in (EIGHT_BYTES, FOUR_BYTES):
            size = 8 if wire == EIGHT_BYTES else 4
        else:
            raise ValueError(f"unknown wire type {wire}")
        end = position + size
        if end > len(message):
            raise IndexError("message is cut off")
        yield tag >> 3, message[position:end]
        position = end


def varint(message: bytes, position: int) -> tuple[int, int]:
    """The integer at the position, and the position after it."""
    byte = message[position]
    position += 1
    if byte < 0x80:
        return byte, position
    value = byte & 0x7F
    shift = 7
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def integer(message: bytes, field: int) -> int:
    """The int32 or int64 in the field of a message. Protobuf leaves out a zero."""
    for number, value in fields(message):
        if number == field and isinstance(value, int):
            return value - (1 << 64) if value >= 1 << 63 else value
    return 0


def history_row(record: bytes) -> tuple[Row, set[str]]:
    """The row of a HistoryRecord, and the names of all that it logs, numbers or not."""
    step: int | None = None
    items: list[tuple[Key, bytes]] = []
    for number, content in fields(record):
        if not isinstance(content, bytes):
            continue
        if number == HISTORY_ITEM:
            items.append(key_and_value(content))
        elif number == HISTORY_STEP:
            step = integer(content, STEP_NUMBER)
    # Images, tables and histograms are objects that name their type.
    objects = {key[:-1] for key, _ in items if len(key) > 1 and key[-1] == "_type"}
    values: dict[str, float] = {}
    names: set[str] = set()
    for key, value in items:
        if key == ("_step",) and step is None:
            step = int(value)
        if key[0].startswith("_"):
            continue
        names.add(".".join(key))
        if not (objects and any(key[:length] in objects for length in range(1, len(key)))):
            values |= numbers_of(".".join(key), value)
    # W&B writes the items of a row in no fixed order.
    return Row(step, dict(sorted(values.items())), of_wandb=True), names


def summary_updates(record: bytes) -> Iterator[tuple[str, bytes | None]]:
    """The names that a SummaryRecord sets, with their values as JSON, or removes, with None."""
    for number, content in fields(record):
        if number in (SUMMARY_UPDATE, SUMMARY_REMOVE) and isinstance(content, bytes):
            key, value = key_and_value(content)
            if not key[0].startswith("_"):
                yield ".".join(key), value if number == SUMMARY_UPDATE else None


def key_and_value(item: bytes) -> tuple[Key, bytes]:
    """The parts of the key, and the value as JSON, of a HistoryItem or SummaryItem."""
    key = ""
    nested: list[str] = []
    value = b"null"
    for number, content in fields(item):
        if not isinstance(content, bytes):
            continue
        if number == VALUE_JSON:
            value = content
        elif number == NESTED_KEY:
            nested.append(content.decode())
        elif number == KEY:
            key = content.decode()
    return tuple(nested) or (key,), value


def numbers_of(name: str, value: bytes) -> dict[str, float]:
    """The numbers in a value, with names joined by dots. Other texts and lists are none."""
    try:
        return {name: float(value)}
    except ValueError:
        return dict(flat(name, json.loads(value, parse_int=float)))


def flat(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in a JSON value, also null and texts such as NaN, as of every other source.

    Objects that name their type are W&B's own.
    """
    if isinstance(value, dict):
        if "_type" not in value:
            for key, inner in value.items():
                yield from flat(f"{name}.{key}", inner)
    elif isinstance(value, bool | float):
        yield name, float(value)
    elif value is None or value in NOT_FINITE:
        yield name, float(value or "nan")
