"""A model that a function of the user's own builds."""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from adaloss.user_error import UserError

EXPECTED = (
    "module:function names a function that is called as "
    "function(channels=…, image_size=…, classes=…) and returns a torch.nn.Module"
)


class UserModelError(UserError):
    """The user's function is not there or does not build a model."""


def build_user_model(name: str, *, channels: int, image_size: int, classes: int) -> nn.Module:
    """Call the user's ``module:function``; what it raises itself passes through.

    Raises:
        UserModelError: there is no such function, it takes other arguments or returns no module.
    """
    function = user_function(name)
    arguments = {"channels": channels, "image_size": image_size, "classes": classes}
    if mismatch := arguments_refused(function, arguments):
        raise UserModelError(f"model {name} cannot be called: {mismatch}; {EXPECTED}")
    module = function(**arguments)
    if not isinstance(module, nn.Module):
        found = type(module).__name__
        raise UserModelError(f"model {name} returned an object of type {found}; {EXPECTED}")
    return module


def user_function(name: str) -> Callable[..., Any]:
    """The function that ``module:function`` names; its module is looked for here first."""
    module_name, _, function_name = name.partition(":")
    here = str(Path.cwd())
    if not {here, ""} & set(sys.path):
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise broken(name, error) from error
        raise UserModelError(
            f"model {name}: there is no module {error.name} in {here} or among the installed "
            f"packages; {EXPECTED}"
        ) from error
    except Exception as error:
        raise broken(name, error) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        place = getattr(module, "__file__", None) or module_name
        state = "is no function" if hasattr(module, function_name) else "is not defined"
        raise UserModelError(f"model {name}: {function_name} {state} in {place}; {EXPECTED}")
    return function  # type: ignore[no-any-return]


def broken(name: str, error: Exception) -> UserModelError:
    """The error of a module that raises when it is imported."""
    module_name = name.partition(":")[0]
    return UserModelError(
        f"model {name}: importing {module_name} raises {type(error).__name__}: {error}"
    )


def arguments_refused(function: Callable[..., Any], arguments: dict[str, int]) -> str | None:
    """Why the function cannot take the arguments, None where it can or does not tell."""
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        return str(error)
    except ValueError:  # a function without a signature, written in C
        return None
    return None
