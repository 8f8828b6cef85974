"""Build a model with the user's own function."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from adaloss.errors import UserError
from adaloss.own_code.modules import OwnCodeError, import_own_module, own_code_first
from adaloss.records.places import Places
from adaloss.tasks.failures import lacks_memory

EXPECTED = (
    "module:function names a function that is called as "
    "function(channels=…, image_size=…, classes=…) and returns a torch.nn.Module"
)


class UserModelError(UserError):
    """The user's function does not exist or does not build a model."""


def build_user_model(
    name: str, places: Places, *, channels: int, image_size: int, classes: int
) -> nn.Module:
    """Call the user's ``module:function``; its own exceptions pass through.

    Raises:
        UserModelError: there is no such function, it takes other arguments or returns no module.
    """
    with own_code_first(places.own_folders):
        function = user_function(name, places)
        arguments = {"channels": channels, "image_size": image_size, "classes": classes}
        if mismatch := arguments_refused(function, arguments):
            raise UserModelError(f"model {name} cannot be called: {mismatch}; {EXPECTED}")
        module = function(**arguments)
    if not isinstance(module, nn.Module):
        found = type(module).__name__
        raise UserModelError(f"model {name} returned an object of type {found}; {EXPECTED}")
    return module


def user_function(name: str, places: Places) -> Callable[..., Any]:
    """The function that ``module:function`` names.

    Raises:
        UserModelError: there is no such module or function, or importing the module fails.
    """
    module_name, _, function_name = name.partition(":")
    try:
        module = import_own_module(module_name, places.own_folders)
    except OwnCodeError as error:
        raise UserModelError(f"model {name}: {error}; {EXPECTED}") from error
    except Exception as error:
        if lacks_memory(error):
            raise
        raise UserModelError(
            f"model {name}: importing {module_name} raises {type(error).__name__}: {error}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        place = getattr(module, "__file__", None) or module_name
        state = "is no function" if hasattr(module, function_name) else "is not defined"
        raise UserModelError(f"model {name}: {function_name} {state} in {place}; {EXPECTED}")
    return function  # type: ignore[no-any-return]


def arguments_refused(function: Callable[..., Any], arguments: dict[str, int]) -> str | None:
    """Why the function cannot take the arguments; None if it can, or if that is unknown."""
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        return str(error)
    except ValueError:  # a function without a signature, written in C
        return None
    return None
