"""What a sweep file of W&B, which is YAML 1.1, has as a number or a boolean, and a grid as text."""

import re
from collections.abc import Iterator, Mapping

from adaloss.grid.mistakes.problems import Problem, dotted
from adaloss.grid.mistakes.wording import OTHER_BOOLEANS, as_written
from adaloss.grid.reading.file import GridFile

NUMBER = re.compile(
    r"(?P<sign>[-+]?)(?P<digits>0b_*[01][01_]{0,100}|0x_*[0-9a-fA-F][0-9a-fA-F_]{0,100}"
    r"|0[0-7_]{1,100}|[1-9][0-9_]{0,100}(:[0-5]?[0-9]){0,100}"
    r"|[0-9][0-9_]{0,100}(:[0-5]?[0-9]){0,100}\.[0-9_]{0,100}([eE][-+][0-9]{1,9})?)"
)
"""Numbers of YAML 1.1, with ``_`` between digits and ``1:30`` for 90."""


def other_to_wandb(file: GridFile) -> Iterator[Problem]:
    """The texts of a program's parameters that ``wandb agent`` takes for something else.

    Only a file in W&B's form is meant: with a method, and with a mapping for each parameter.
    """
    parameters = file.data.get("parameters")
    if not file.runs_a_program or "method" not in file.data or not isinstance(parameters, Mapping):
        return
    if not all(isinstance(content, Mapping) for content in parameters.values()):
        return
    for path, text in file.unquoted.items():
        other = in_yaml_1_1(text) if path[0] == "parameters" else None
        if other is not None:
            message = (
                f"{text} is text here and {as_written(other)} to W&B, which reads YAML 1.1: "
                f"write {as_written(other)}, or {text!r} with its quotes"
            )
            yield Problem(file.line(path), dotted(path), message)


def in_yaml_1_1(text: str) -> bool | int | float | None:
    """What YAML 1.1 reads in an unquoted text of YAML 1.2; None for a text."""
    if text in OTHER_BOOLEANS:
        return OTHER_BOOLEANS[text] == "true"
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    digits = match["digits"].replace("_", "")
    number: int | float = 0
    if digits[:2] in ("0b", "0x"):
        number = int(digits, 0)
    elif digits[0] == "0" and "." not in digits:
        number = int(digits, 8)
    else:
        for part in digits.split(":"):
            number = 60 * number + (float(part) if "." in part else int(part))
    return -number if match["sign"] == "-" else number
