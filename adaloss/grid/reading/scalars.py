"""The values of unquoted scalars in the core schema of YAML 1.2.

In this schema ``1e-4`` is a number, and ``no`` and ``2024-01-01`` are text.
"""

import re

NULLS = ("", "~", "null", "Null", "NULL")
BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
# Longer integers exceed the range of floats, and int() refuses very long ones.
INTEGER = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)

ScalarValue = bool | int | float | str | None


def plain_scalar(text: str) -> ScalarValue:
    """The value of an unquoted scalar."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if INTEGER.fullmatch(text):
        # Base 0 would refuse leading zeros. Such numbers are decimal in YAML 1.2.
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
