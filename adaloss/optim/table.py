"""The table of optimizers by name, and the function that builds one."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from torch.optim.optimizer import ParamsT

from adaloss.optim.adagrad_norm import AdaGradNorm
from adaloss.optim.adagrad_norm_rowwise import AdaGradNormRowwise
from adaloss.optim.base import LossOptimizer
from adaloss.optim.sgd_family import AdaLoss, SGDConstant, SGDDecaySqrt


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """An optimizer class and the names of its hyperparameters."""

    build: type[LossOptimizer]
    arguments: tuple[str, ...]


def spec(build: type[LossOptimizer]) -> OptimizerSpec:
    """The entry of a class in `OPTIMIZERS`."""
    return OptimizerSpec(build=build, arguments=build.hyperparameters)


OPTIMIZERS: Mapping[str, OptimizerSpec] = MappingProxyType(
    {
        "adaloss": spec(AdaLoss),
        "adagrad_norm": spec(AdaGradNorm),
        "adagrad_norm_rowwise": spec(AdaGradNormRowwise),
        "sgd_constant": spec(SGDConstant),
        "sgd_decay_sqrt": spec(SGDDecaySqrt),
    }
)


def build_optimizer(name: str, params: ParamsT, **hyperparameters: float) -> LossOptimizer:
    """Build an optimizer of `OPTIMIZERS` by name.

    Hyperparameters that only other optimizers have are ignored, so that one set of values fits
    all: `sgd_constant` accepts `alpha` and does not use it.

    Raises:
        ValueError: no optimizer has this name, or a hyperparameter is outside its range.
        TypeError: no optimizer has one of the hyperparameters, or one is not a real number.
    """
    if name not in OPTIMIZERS:
        near = get_close_matches(name, OPTIMIZERS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(
            f"there is no optimizer {name!r}{hint}; the optimizers are {', '.join(OPTIMIZERS)}"
        )
    arguments = {argument for spec in OPTIMIZERS.values() for argument in spec.arguments}
    if unknown := sorted(set(hyperparameters) - arguments):
        raise TypeError(
            f"no optimizer has the hyperparameter {', '.join(unknown)}; "
            f"the hyperparameters are {', '.join(sorted(arguments))}"
        )
    chosen = OPTIMIZERS[name]
    return chosen.build(
        params,
        **{name: hyperparameters[name] for name in chosen.arguments if name in hyperparameters},
    )
