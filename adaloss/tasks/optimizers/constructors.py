"""The constructor of a named optimizer: how it is found, which arguments it gets, its errors."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.optim.optimizer import Optimizer

from adaloss.errors import UserError
from adaloss.optim.without_compiler import keep_the_compiler_out
from adaloss.optimizer_names import is_own_optimizer, module_and_class, timm_name
from adaloss.own_code.modules import OwnCodeError, import_own_module, own_code_first
from adaloss.tasks.failures import lacks_memory


class OptimizerError(UserError):
    """A named optimizer does not exist, or cannot be built with these arguments."""


def constructor_of(name: str, folders: Sequence[Path]) -> Callable[..., Optimizer]:
    """What builds the optimizer of this name: its class, or timm's factory.

    The user's own classes are searched in ``folders``.

    Raises:
        OptimizerError: there is no such optimizer, or it cannot be imported.
    """
    timms = timm_name(name)
    return class_of(name, folders) if timms is None else factory_of(name, timms)


def class_of(name: str, folders: Sequence[Path]) -> Callable[..., Optimizer]:
    """The class that a name stands for."""
    module_name, class_name = module_and_class(name)
    try:
        if is_own_optimizer(name):
            with own_code_first(folders):
                module = import_own_module(module_name, folders)
        else:
            module = importlib.import_module(module_name)
    except OwnCodeError as error:
        raise OptimizerError(f"optimizer {name}: {error}") from error
    # The module's code can raise anything.
    except Exception as error:
        if lacks_memory(error):
            raise
        raise OptimizerError(
            f"optimizer {name}: importing {module_name} raises {type(error).__name__}: {error}"
        ) from error
    build = getattr(module, class_name, None)
    if not callable(build):
        raise OptimizerError(f"optimizer {name}: {module_name} has no class {class_name}")
    return build  # type: ignore[no-any-return]


def factory_of(name: str, timms: str) -> Callable[..., Optimizer]:
    """What builds the optimizer that timm has this name for, with its class's arguments.

    timm's registry has arguments of its own for many names, so the class alone would be another
    optimizer, or none. All parameters are one group: timm's rules by layer need a model.
    """
    timm = importlib.import_module("timm.optim")
    if timms not in timm.list_optimizers():
        raise OptimizerError(f"optimizer {name}: timm has no optimizer {timms}")
    try:
        of_class = timm.get_optimizer_class(timms, bind_defaults=False)
    # Some are in packages that timm does not need, or need a GPU.
    except (ImportError, AssertionError) as error:
        raise OptimizerError(f"optimizer {name}: {error}") from error

    @wraps(of_class, updated=())
    def build(parameters: Sequence[Tensor], **arguments: Any) -> Optimizer:
        optimizer: Optimizer = timm.create_optimizer_v2(parameters, timms, **arguments)
        return optimizer

    return build


def accepted(
    name: str,
    build: Callable[..., Any],
    common: Mapping[str, float],
    hyperparameters: Mapping[str, Any],
) -> dict[str, Any]:
    """The arguments for the constructor: those of the trial that it has, and its own."""
    if both := [key for key in hyperparameters if key in common]:
        raise OptimizerError(
            f"optimizer {name} gets {', '.join(both)} from the trial's field: set that instead"
        )
    try:
        known = signature(build).parameters
    except ValueError:  # written in C
        return {**common, **hyperparameters}
    any_name = any(p.kind is Parameter.VAR_KEYWORD for p in known.values())
    if not any_name and (unknown := [key for key in hyperparameters if key not in known]):
        raise OptimizerError(
            f"optimizer {name} has no {', '.join(unknown)}; it has {', '.join([*known][1:])}"
        )
    if common["weight_decay"] and "weight_decay" not in known and not any_name:
        raise OptimizerError(f"optimizer {name} has no weight_decay: write weight_decay: 0 for it")
    passed = {key: value for key, value in common.items() if key in known}
    if any_name:
        # Constructors that pass any name on would refuse a weight decay that they do not have.
        passed = {key: value for key, value in common.items() if key in known or value}
    return passed | dict(hyperparameters)


def built(
    name: str,
    build: Callable[..., Optimizer],
    parameters: Sequence[Tensor],
    arguments: Mapping[str, Any],
) -> Optimizer:
    """Call the constructor."""
    keep_the_compiler_out()
    try:
        optimizer = build(parameters, **arguments)
    # A constructor can refuse its arguments in any way.
    except Exception as error:
        if lacks_memory(error):
            raise
        raise OptimizerError(
            f"optimizer {name}({described(arguments)}): {type(error).__name__}: {error}"
        ) from error
    if not isinstance(optimizer, Optimizer):
        raise OptimizerError(f"optimizer {name} is not a torch.optim.Optimizer")
    return optimizer


def described(defaults: Mapping[str, Any]) -> str:
    """Arguments as they are written in a call."""
    return ", ".join(f"{name}={value!r}" for name, value in defaults.items())
