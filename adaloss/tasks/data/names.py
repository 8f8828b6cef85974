"""Names of data sets in a grid: published ones, and the user's own as ``prefix:PATH``."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.problems import closest
from adaloss.grid.mistakes.wording import described


def known_dataset(name: str, names: Sequence[str], own: str) -> str:
    """Return the name; raise pydantic's error if no data set has it.

    ``own`` is the prefix of the user's own, with its colon.
    """
    if name in names or (name.startswith(own) and name != own):
        return name
    match = closest(name, names)
    hint = f"; did you mean {match}?" if match else ""
    reason = f"must be {', '.join(names)} or {own}PATH, found {described(name)}{hint}"
    raise PydanticCustomError("rejected", "{reason}", {"reason": reason})


def dataset_schema(names: Sequence[str], own: str) -> dict[str, Any]:
    """The JSON Schema of such a name."""
    return {"anyOf": [{"enum": list(names)}, {"type": "string", "pattern": f"^{own}.+"}]}
