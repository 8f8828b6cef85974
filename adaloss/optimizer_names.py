"""The names of optimizers in a grid, without importing torch or any package that has them."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

LossOptimizerName = Literal[
    "adaloss", "adagrad_norm", "adagrad_norm_rowwise", "sgd_constant", "sgd_decay_sqrt"
]
LOSS_OPTIMIZERS: tuple[LossOptimizerName, ...] = get_args(LossOptimizerName)
"""The paper's method and those that it is compared with: :mod:`adaloss.optim`."""

RateName = Literal["constant", "adaloss", "adagrad_norm", "decay_sqrt", "decay_sqrt_sum"]
RATE_NAMES: tuple[RateName, ...] = get_args(RateName)
"""What any other optimizer's learning rate can be multiplied by: :mod:`adaloss.optim.rates`."""

AverageName = Literal["none", "polynomial"]
"""What is evaluated: the last weights, or :mod:`adaloss.tasks.optimizers.average`."""

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

PAPER_ADAMS: Mapping[str, RateName] = {
    "paper_adam": "constant",
    "adamloss": "adaloss",
    "adam_decay_sqrt": "decay_sqrt",
}
"""The paper's Adam, AdamLoss and AdamSqrt: :class:`adaloss.optim.PaperAdam` with a fixed rate."""
SHORT_NAMES = (*TORCH_OPTIMIZERS, *PAPER_ADAMS)

PACKAGES: Mapping[str, str] = {
    "torch": "torch",
    "timm": "timm",
    "schedulefree": "schedulefree",
    "pytorch_optimizer": "pytorch-optimizer",
    "prodigyopt": "prodigyopt",
    "dog": "dog-optimizer",
    "momo": "momo-opt",
    "dadaptation": "dadaptation",
    "heavyball": "heavyball",
    "lion_pytorch": "lion-pytorch",
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
    return name in SHORT_NAMES or CLASS.match(name) is not None


def timm_name(name: str) -> str | None:
    """The name that timm has for an optimizer, from ``timm:NAME``; None for every other."""
    module, _, own = name.partition(":")
    return own if module == "timm" and own else None


def module_and_class(name: str) -> tuple[str, str]:
    """The module and the class of a named optimizer."""
    if name in TORCH_OPTIMIZERS:
        return "torch.optim", TORCH_OPTIMIZERS[name]
    if name in PAPER_ADAMS:
        return "adaloss.optim.paper_adam", "PaperAdam"
    module, _, class_name = name.partition(":")
    return module, class_name


def is_own_optimizer(name: str) -> bool:
    """Whether the optimizer is in a module that is no package of :data:`PACKAGES`."""
    is_class = is_named(name) and name not in SHORT_NAMES
    return is_class and module_and_class(name)[0].partition(".")[0] not in PACKAGES


def rate_of(optimizer: str, rate: RateName) -> RateName:
    """The rate of a named optimizer: the one that its name fixes, else ``rate``."""
    return PAPER_ADAMS.get(optimizer, rate)


def unused_fields(optimizer: str, rate: str) -> frozenset[str]:
    """The fields of a trial that cannot change the numbers of this optimizer with this rate."""
    named = is_named(optimizer)
    unused = {"alpha", "c", "rate_sees"} - FIELDS_OF_RATES[
        PAPER_ADAMS.get(optimizer, rate) if named else optimizer
    ]
    if not named:
        unused |= {"rate", "hyperparameters"}
    if optimizer in PAPER_ADAMS:
        unused.add("rate")
    if optimizer not in WITH_MOMENTUM:
        unused.add("momentum")
    return frozenset(unused)


FIELDS_OF_RATES: Mapping[str, set[str]] = {
    "constant": set(),
    "adaloss": {"alpha", "c", "rate_sees"},
    "adagrad_norm": set(),
    "decay_sqrt": {"alpha"},
    "decay_sqrt_sum": {"alpha"},
    "adagrad_norm_rowwise": set(),
    "sgd_constant": set(),
    "sgd_decay_sqrt": {"alpha"},
}
SOMETIMES_UNUSED = frozenset({"alpha", "c", "momentum", "rate", "hyperparameters", "rate_sees"})
"""The fields that :func:`unused_fields` may return."""
