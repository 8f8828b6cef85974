"""Format fields' values and measured numbers for readers."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeGuard

from adaloss.records.printable import printable_line

LONG_NUMBER = 7
"""Characters."""
MOST_IN_A_FILE_NAME = 100


def value_text(value: object) -> str:
    """A field's value in the notation of a grid: 0.01, 1, 100, 0.00001, true, none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return float_text(value)
    if is_hyperparameters(value):
        return ", ".join(f"{name}={value_text(each)}" for name, each in value) or "none"
    return one_line(str(value))


def is_hyperparameters(value: object) -> TypeGuard[tuple[tuple[str, object], ...]]:
    """Whether the value is a trial's ``hyperparameters``."""
    return isinstance(value, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value
    )


def float_text(value: float) -> str:
    """The shortest digits of this number, without an exponent if that stays short."""
    digits = repr(float(value))
    if value and not 1e-9 <= abs(value) < 1e16:
        return digits
    return format(Decimal(digits).normalize(), "f")


@dataclass(frozen=True)
class Decimals:
    """How many decimals numbers have.

    ``small`` are those in scientific notation of numbers that would have no digit of their own;
    None where such numbers read as 0.00.
    """

    number: int
    small: int | None = None


def number_text(value: float, decimals: Decimals) -> str:
    """A measurement with fixed decimals, never ``-0.00``; if it may be small, as 1.20e-07."""
    if decimals.small is not None and is_small(value, decimals):
        return f"{value:.{decimals.small}e}"
    return f"{round(value, decimals.number) + 0.0:.{decimals.number}f}"


def is_small(value: float, decimals: Decimals) -> bool:
    """Whether a number other than 0 has no digit of its own within these decimals."""
    return 0 < abs(value) < 10.0**-decimals.number


def one_line(text: str) -> str:
    """The text on one line, without repeated blanks or control characters."""
    return printable_line(text)


def field_value_text(field: str, value: object) -> str:
    """A value on its own: a name alone, but a number with its field, as in ``lr = 0.1``."""
    return one_line(value) if isinstance(value, str) else f"{field} = {value_text(value)}"


def short_texts(values: Sequence[object]) -> list[str]:
    """The values' texts on an axis: long fractions are rounded if all stay distinct."""
    full = [value_text(value) for value in values]
    short = [
        f"{value:.3g}" if isinstance(value, float) and len(text) > LONG_NUMBER else text
        for value, text in zip(values, full, strict=True)
    ]
    return short if len(set(short)) == len(set(full)) else full


def file_name(text: str) -> str:
    """The text as part of a file's name; a long text is cut and gets a digest."""
    short = re.sub(r"[^A-Za-z0-9._=+-]+", "_", text)
    if len(short) <= MOST_IN_A_FILE_NAME:
        return short
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{short[: MOST_IN_A_FILE_NAME - 9]}-{digest}"
