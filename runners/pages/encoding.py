"""Standard output and error in any encoding: characters that it lacks are transliterated.

Without this, ± raises UnicodeEncodeError on a terminal or in a pipe that is not UTF-8. Files are
not affected: they are always UTF-8.
"""

import codecs
import io
import sys
import unicodedata
from collections.abc import Mapping

# Characters that are neither accented letters nor Greek, in their usual ASCII form.
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
    """Enable this process to print any text; call it once, before any output."""
    codecs.register_error(HANDLER, with_other_signs)
    codecs.register(plain_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=PLAIN_ASCII if is_ascii else None, errors=HANDLER)


def with_other_signs(error: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler: replaces characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    cannot = error.object[error.start : error.end]
    return "".join(other_signs(sign) for sign in cannot), error.end


def other_signs(sign: str) -> str:
    """The character in ASCII, or as an escape if there is no similar text."""
    if sign in SIGNS:
        return SIGNS[sign]
    if ord(sign) in BOX:
        return "|" if sign in VERTICAL else "-" if sign in "─━┄┅┈┉═╌╍╴╶╸╺╼╾" else "+"
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK ") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split()[0].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    # Letters without accents; superscript and subscript digits.
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return plain or sign.encode("ascii", "backslashreplace").decode()


def plain_ascii(name: str) -> codecs.CodecInfo | None:
    """ASCII under another name, because typer prints UTF-8 to a stream named ascii."""
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
