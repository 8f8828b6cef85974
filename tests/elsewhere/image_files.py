"""Image files that Pillow reads and does not write: TIFF and PNG, byte by byte."""

import struct
import zlib

import numpy as np

ELEMENT = {3: "H", 4: "I"}


def tiff_file(pixels, photometric, *, bits=None, order="<", planar=1, extra=(), form=1, tags=()):
    """An uncompressed TIFF of ``pixels`` (height, width) or (height, width, channels)."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    planes = channels if planar == 2 else 1
    ordered = np.moveaxis(pixels, -1, 0) if planar == 2 else pixels
    data = ordered.astype(pixels.dtype.newbyteorder(order)).tobytes()
    if bits == 12:
        pairs = pixels.reshape(-1, 2).tolist()
        data = b"".join((first << 12 | second).to_bytes(3, "big") for first, second in pairs)
    bits = bits or 8 * pixels.dtype.itemsize
    share = len(data) // planes
    entries = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * channels),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (273, 4, [0] * planes),
        (277, 3, [channels]),
        (278, 4, [height]),
        (279, 4, [share] * planes),
        (284, 3, [planar]),
        *([(338, 3, list(extra))] if extra else []),
        (339, 3, [form] * channels),
        *tags,
    ]
    long = sum(len(packed(order, kind, v)) for _, kind, v in entries if is_long(order, kind, v))
    first = 8 + 2 + 12 * len(entries) + 4
    directory, beyond = b"", b""
    for number, kind, values in sorted(entries):
        if number == 273:
            values = [first + long + plane * share for plane in range(planes)]
        raw = packed(order, kind, values)
        directory += struct.pack(order + "HHI", number, kind, len(values))
        if len(raw) > 4:
            directory += struct.pack(order + "I", first + len(beyond))
            beyond += raw
        else:
            directory += raw.ljust(4, b"\0")
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    counted = struct.pack(order + "H", len(entries)) + directory + struct.pack(order + "I", 0)
    return start + counted + beyond + data


def packed(order, kind, values):
    return struct.pack(order + ELEMENT[kind] * len(values), *values)


def is_long(order, kind, values):
    return len(packed(order, kind, values)) > 4


def png_file(pixels, colour_type, *, bits=8, transparent=b""):
    """A PNG of ``pixels`` (height, width[, channels]) as they are."""
    height, width = pixels.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in pixels]
    elif bits == 8:
        rows = [row.astype(np.uint8).tobytes() for row in pixels]
    else:
        rows = [packed_bits(row, bits) for row in pixels]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"tRNS", transparent) if transparent else b"",
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
            chunk(b"IEND", b""),
        )
    )


def packed_bits(row, bits):
    text = "".join(f"{int(value):0{bits}b}" for value in row)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
