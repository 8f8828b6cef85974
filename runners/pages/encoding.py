"""Standard output and error in any encoding: a sign that it lacks is written with those it has.

Without this, ± raises UnicodeEncodeError on a terminal or in a pipe that is not UTF-8. Files do not
pass here: they are UTF-8 everywhere.
"""

import codecs
import io
import sys
import unicodedata
from collections.abc import Mapping

# Signs that are neither an accented letter nor Greek, as a reader of plain text knows them.
SIGNS: Mapping[str, str] = {
    "±": "+/-", "∓": "-/+", "×": "x", "·": ".", "−": "-", "–": "-", "—": "-", "…": "...",
    "√": "sqrt", "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "‖": "||", "∞": "inf", "°": " deg",
    "←": "<-", "→": "->", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "•": "*",
    "✓": "ok", "✗": "x", "●": "o", "▸": ">", "⌈": "[", "⌉": "]", "⌊": "[", "⌋": "]",
    "†": "[mixed]",
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
}  # fmt: skip
BOX, VERTICAL = range(0x2500, 0x2580), "│┃┆┇┊┋║╎╏╵╷╹╻╽╿"
HANDLER = "write-with-other-signs"
PLAIN_ASCII = "plain-ascii"


def make_readable_everywhere() -> None:
    """Let this process print any text; called once, before anything is printed."""
    codecs.register_error(HANDLER, with_other_signs)
    codecs.register(plain_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=PLAIN_ASCII if is_ascii else None, errors=HANDLER)


def with_other_signs(error: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler: what is written instead of the signs that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    cannot = error.object[error.start : error.end]
    return "".join(other_signs(sign) for sign in cannot), error.end


def other_signs(sign: str) -> str:
    """The sign in ASCII; as an escape where there is nothing like it, so that none is lost."""
    if sign in SIGNS:
        return SIGNS[sign]
    if ord(sign) in BOX:
        return "|" if sign in VERTICAL else "-" if sign in "─━┄┅┈┉═╌╍╴╶╸╺╼╾" else "+"
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK ") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split()[0].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    # Letters without their accents, digits that stand high or low.
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return plain or sign.encode("ascii", "backslashreplace").decode()


def plain_ascii(name: str) -> codecs.CodecInfo | None:
    """ASCII under another name: typer prints UTF-8 to a stream whose encoding is called ascii."""
    if name.replace("_", "-") != PLAIN_ASCII:
        return None
    ascii_itself = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=PLAIN_ASCII,
        encode=ascii_itself.encode,
        decode=ascii_itself.decode,
        incrementalencoder=ascii_itself.incrementalencoder,
        incrementaldecoder=ascii_itself.incrementaldecoder,
        streamreader=ascii_itself.streamreader,
        streamwriter=ascii_itself.streamwriter,
    )
