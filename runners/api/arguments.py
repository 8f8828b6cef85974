"""Messages for callers from Python: they name arguments where the commands name options."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from adaloss.errors import UserError
from adaloss.grid.tables.spec import TableSpec

OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?![\w-])")
CALLED = {
    **{name.replace("_", "-"): name for name in TableSpec.model_fields},
    **{name: name for name in ("only", "limit", "smoke", "wandb", "notify")},
    "calibrate": "calibrate=True",
    "storage": "results_root",
    "set": "smoke",
}
"""The arguments by the commands' options; --only is both of the trials and of a table."""


@contextmanager
def naming_arguments() -> Iterator[None]:
    """A refusal inside names the arguments of the functions."""
    try:
        yield
    except UserError as error:
        error.args = (with_arguments(str(error)), *error.args[1:])
        raise


def with_arguments(message: str) -> str:
    """The message with arguments in place of options; command lines in backticks stay."""
    parts = message.split("`")
    parts[::2] = [OPTION.sub(argument, part) for part in parts[::2]]
    return "`".join(parts)


def argument(option: "re.Match[str]") -> str:
    """The argument that an option is called in Python, or the option."""
    return CALLED.get(option[1], option[0])
