"""The values of ``pretrained``: false, true or the path of a file of weights."""

from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

WEIGHT_SUFFIXES = (".pth", ".pt", ".th", ".bin", ".tar", ".safetensors", ".npz")


def pretrained_weights(value: Any) -> Any:
    """Return true, false or the path of a file of weights; raise pydantic's error for the rest."""
    is_file = isinstance(value, str) and PurePath(value).suffix in WEIGHT_SUFFIXES
    if isinstance(value, bool) or is_file:
        return value
    wanted = f"true, false or the path of a file ({', '.join(WEIGHT_SUFFIXES)})"
    raise PydanticCustomError("wanted", "must be {wanted}", {"wanted": wanted})


PretrainedWeights = Annotated[
    bool | str,
    BeforeValidator(pretrained_weights),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "string",
                    "pattern": f"({'|'.join(WEIGHT_SUFFIXES)})$".replace(".", "\\."),
                },
            ]
        }
    ),
]
