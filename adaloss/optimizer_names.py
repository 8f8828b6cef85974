"""The names of optimizers in a grid, without importing torch or any package that has them."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

LossOptimizerName = Literal[
    "adaloss", "adagrad_norm", "adagrad_norm_rowwise", "sgd_constant", "sgd_decay_sqrt"
]
LOSS_OPTIMIZERS: tuple[LossOptimizerName, ...] = get_args(LossOptimizerName)
"""The paper's method and those that it is compared with: :mod:`adaloss.optim`."""

RateName = Literal["constant", "adaloss", "adagrad_norm", "decay_sqrt"]
RATE_NAMES: tuple[RateName, ...] = get_args(RateName)
"""What any other optimizer's learning rate can be multiplied by: :mod:`adaloss.optim.rates`."""

TORCH_OPTIMIZERS: Mapping[str, str] = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "NAdam",
    "radam": "RAdam",
    "adamax": "Adamax",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "asgd": "ASGD",
    "rprop": "Rprop",
    "muon": "Muon",
    "lbfgs": "LBFGS",
}
"""Short names of the classes in ``torch.optim``."""

PACKAGES: Mapping[str, str] = {
    "torch": "torch",
    "timm": "timm",
    "schedulefree": "schedulefree",
    "pytorch_optimizer": "pytorch-optimizer",
    "prodigyopt": "prodigyopt",
    "dog": "dog-optimizer",
    "dadaptation": "dadaptation",
    "heavyball": "heavyball",
    "bitsandbytes": "bitsandbytes",
    "transformers": "transformers",
}
"""Packages with optimizers, and what pip calls them. Their versions are recorded; of any other
module, the code itself is."""

# A class in a module: package.module:Class.
CLASS = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
CLASS_IN_FILE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.py)?:[A-Za-z_]\w*$"
"""As a grid may write it, also file.py:Class."""
HYPERPARAMETER = re.compile(r"^optimizer\.[A-Za-z_]\w*$")
"""A hyperparameter in a grid: the argument of this name of the optimizer's constructor."""
PREFIX = "optimizer."

WITH_MOMENTUM = (*LOSS_OPTIMIZERS, "sgd", "rmsprop", "muon")
"""The optimizers that the field ``momentum`` belongs to."""
DEFAULT_MOMENTUM: Mapping[str, float] = {"muon": 0.95}
"""The momentum where a grid sets none; 0 for the others."""


def canonical_optimizer(name: str) -> str:
    """The name of an optimizer in records: file.py:Class is file:Class, torch.optim:Adam is adam.

    Raises:
        KeyError: it is neither a short name nor a class in a module.
    """
    module, _, attribute = name.partition(":")
    name = f"{module.removesuffix('.py')}:{attribute}" if attribute else name
    for short, class_name in TORCH_OPTIMIZERS.items():
        if name == f"torch.optim:{class_name}":
            return short
    if not is_named(name) and name not in LOSS_OPTIMIZERS:
        raise KeyError(name)
    return name


def is_named(name: str) -> bool:
    """Whether this is another optimizer than those of :mod:`adaloss.optim`."""
    return name in TORCH_OPTIMIZERS or CLASS.match(name) is not None


def module_and_class(name: str) -> tuple[str, str]:
    """The module and the class of a named optimizer."""
    if name in TORCH_OPTIMIZERS:
        return "torch.optim", TORCH_OPTIMIZERS[name]
    module, _, class_name = name.partition(":")
    return module, class_name


def is_own_optimizer(name: str) -> bool:
    """Whether the optimizer is in a module that is no package of :data:`PACKAGES`."""
    return is_named(name) and module_and_class(name)[0].partition(".")[0] not in PACKAGES


def unused_fields(optimizer: str, rate: str) -> frozenset[str]:
    """The fields of a trial that cannot change the numbers of this optimizer with this rate."""
    unused = {"alpha", "c"} - FIELDS_OF_RATES[rate if is_named(optimizer) else optimizer]
    if not is_named(optimizer):
        unused |= {"rate", "hyperparameters"}
    if optimizer not in WITH_MOMENTUM:
        unused.add("momentum")
    return frozenset(unused)


FIELDS_OF_RATES: Mapping[str, set[str]] = {
    "constant": set(),
    "adaloss": {"alpha", "c"},
    "adagrad_norm": set(),
    "decay_sqrt": {"alpha"},
    "adagrad_norm_rowwise": set(),
    "sgd_constant": set(),
    "sgd_decay_sqrt": {"alpha"},
}
SOMETIMES_UNUSED = frozenset({"alpha", "c", "momentum", "rate", "hyperparameters"})
"""The fields that :func:`unused_fields` may return."""
