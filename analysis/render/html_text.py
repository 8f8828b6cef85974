"""Text as HTML has it: escaped, and without the characters that no page may have."""

import re
from html import escape

# What HTML forbids even as a reference, as a log may have it: colours for terminals, NULs. The
# halves of surrogate pairs cannot be written to a file.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def clean(text: str) -> str:
    """The text with a mark in place of each character that a page cannot have."""
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def escaped(text: str) -> str:
    """The text as it stands between tags or in a quoted attribute."""
    return escape(clean(text), quote=True)
