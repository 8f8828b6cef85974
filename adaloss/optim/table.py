"""The optimizers by name."""

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
    """An optimizer class and the hyperparameters that apply to it, beside `params`."""

    build: type[LossOptimizer]
    arguments: tuple[str, ...]


def spec(build: type[LossOptimizer]) -> OptimizerSpec:
    """The spec of a class."""
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
    """Build an optimizer of `OPTIMIZERS`, passing on just the hyperparameters that apply to it.

    So that one set of values serves all: `alpha` is accepted and unused by `sgd_constant`.

    Raises:
        ValueError: no optimizer has this name, or a value that applies breaks its rule.
        TypeError: a hyperparameter is one that no optimizer has, or no real number.
    """
    if name not in OPTIMIZERS:
        near = get_close_matches(name, OPTIMIZERS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"no optimizer {name!r}{hint}; there are {', '.join(OPTIMIZERS)}")
    known = {argument for spec in OPTIMIZERS.values() for argument in spec.arguments}
    unknown = sorted(set(hyperparameters) - known)
    if unknown:
        raise TypeError(
            f"no optimizer has {', '.join(unknown)}; hyperparameters are {', '.join(sorted(known))}"
        )
    chosen = OPTIMIZERS[name]
    return chosen.build(
        params,
        **{name: hyperparameters[name] for name in chosen.arguments if name in hyperparameters},
    )
