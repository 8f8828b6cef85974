"""What an optimizer needs of the training loop beside `step()`, found by what it has."""

from dataclasses import dataclass
from inspect import signature

from torch.optim.optimizer import Optimizer

# What a class's own code does not show, by the class's name.
SECOND_ORDER = ("AdaHessian", "Adahessian", "SophiaH")
"""They differentiate the gradient: backward(create_graph=True)."""
CLOSURE_ONCE = ("AliG", "EmoNavi", "EmoLynx", "EmoFact")
"""Their closure only returns the loss: the gradients are there already."""
CLOSURE_AGAIN = ("LBFGS",)
"""They compute the loss and its gradients again, several times a step."""
GRADIENT_OF_EACH = ("DoG", "LDoG", "Momo")
"""They fail at a parameter that has no gradient, so they get none that is frozen."""
STATE_OUTSIDE = (
    *("Momo", "MomoAdam", "MomSPS", "IMA_SPS_safe", "DoWG"),
    # timm's; that of pytorch-optimizer has it.
    "Adahessian",
)
"""A part of their state is not in `state_dict`, so a trial cannot be resumed exactly."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How the training loop works with an optimizer.

    ``loss``: `step` takes the loss by this name. ``closure``: `step` needs a closure. ``again``:
    the closure computes the loss and the gradients anew. ``modes``: `train()` and `eval()` exchange
    the weights around an evaluation. ``create_graph``: gradients must be differentiable.
    ``resumable``: `state_dict` has the whole state.
    """

    loss: bool
    closure: bool
    again: bool
    modes: bool
    create_graph: bool
    resumable: bool


def protocol_of(optimizer: Optimizer) -> Protocol:
    """The protocol of an optimizer, from its `step`, its methods and its name."""
    name = type(optimizer).__name__
    parameters = signature(type(optimizer).step).parameters
    closure = parameters.get("closure")
    required = closure is not None and closure.default is closure.empty
    again = name in CLOSURE_AGAIN or name.endswith("Closure")
    return Protocol(
        loss="loss" in parameters,
        closure=required or again or name in CLOSURE_ONCE,
        again=again or (required and name not in CLOSURE_ONCE),
        modes=all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval")),
        create_graph=name in SECOND_ORDER,
        resumable=name not in STATE_OUTSIDE,
    )
