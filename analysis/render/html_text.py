"""Text for HTML: escaped, and without characters that HTML forbids."""

import re
from html import escape

# Characters that HTML forbids even as references; a log may have terminal codes and NULs. Lone
# surrogates cannot be written to a file.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def clean(text: str) -> str:
    """The text with a replacement for each forbidden character."""
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def escaped(text: str) -> str:
    """The text escaped for use between tags or in a quoted attribute."""
    return escape(clean(text), quote=True)
