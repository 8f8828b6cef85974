"""The rates 1/b_t of AdaLoss and its relatives for any optimizer that has a learning rate.

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    add_rate(optimizer, "adaloss", b0=1.0)
    ...
    loss.backward()
    optimizer.step(loss=loss)

Each step multiplies the learning rate of every param group by 1/b_{t+1}:

    adaloss        b_{t+1}² = b_t² + α·|f_t − c|
    adagrad_norm   b_{t+1}² = b_t² + ‖g_t‖²
    decay_sqrt     b_{t+1}² = b_0² + α·t, with t from 1 (the paper's repository)
    decay_sqrt_sum b_{t+1} = b_0 + α·√t, with t from 1 (the paper's text, section 3)
    constant       b_{t+1}² = b_0²

Source: Wu, Xie, Du, Ward, "AdaLoss: A computationally-efficient and provably convergent adaptive
gradient method", AAAI 2022. With `torch.optim.SGD` the whole step is scaled, so with momentum or
weight decay this differs from `AdaLoss`, which scales only the gradient.
"""

import math
from inspect import signature, unwrap
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from adaloss.optim.gradients import gather, squared_norm
from adaloss.optim.loss import Loss, Scalar, check_loss, loss_value, plus
from adaloss.optim.validation import valid_hyperparameter
from adaloss.optimizer_names import RATE_NAMES, RateName

# The state of the rate in a param group, beside the optimizer's own keys.
B_SQUARED, STEPS = "rate_b_squared", "rate_steps"

AnyOptimizer = TypeVar("AnyOptimizer", bound=Optimizer)


def add_rate(
    optimizer: AnyOptimizer,
    rate: RateName = "adaloss",
    *,
    b0: float = 1.0,
    alpha: float = 1.0,
    c: float = 0.0,
) -> AnyOptimizer:
    """Multiply the optimizer's learning rates by a rate 1/b_t, from the next step on.

    The param groups keep their learning rates between steps, so schedulers work as before. b_t² and
    t are stored in the param groups, so `state_dict` has them; load a state after `add_rate`.

    A loss on a GPU stays there if the optimizer is `fused` or `capturable`, which take a learning
    rate that is a tensor. For other optimizers, and with a `GradScaler`, each step reads one number
    back.

    torch leaves hooks out of copies: an optimizer from `copy` or `pickle` has no rate until
    `add_rate` is called on it with the same arguments, which goes on from its b_t² and t.

    Args:
        optimizer: any optimizer whose param groups have `lr`.
        rate: `adaloss` needs `step(loss=loss)` or `step(closure)`; the others ignore the loss.
        b0: b_0 > 0. With `adaloss` it has the units of √loss.
        alpha: α ≥ 0 of `adaloss` and both decays.
        c: the loss at the optimum, or a lower bound of it (`adaloss`).

    Returns:
        The optimizer itself.

    Raises:
        ValueError: there is no such rate, the optimizer has no learning rate, already has a rate or
            calls a base class's step, or a hyperparameter is outside its range.
        TypeError: a hyperparameter is not a real number.
    """
    if rate not in RATE_NAMES:
        raise ValueError(f"there is no rate {rate!r}; the rates are {', '.join(RATE_NAMES)}")
    bases = [base for base in type(optimizer).__mro__ if "step" in vars(base)]
    # torch wraps a step in place, also one that a class inherits.
    steps = {unwrap(vars(base)["step"]): base.__name__ for base in bases if base is not Optimizer}
    if len(steps) > 1:
        # torch calls the hooks of both steps, or of one, depending on what was built before.
        raise ValueError(
            f"{' and its base '.join(steps.values())} both define step: a rate could "
            "count a step twice"
        )
    values = {"b0": b0, "alpha": alpha, "c": c}
    values = {name: valid_hyperparameter(name, value) for name, value in values.items()}
    if has_rate(optimizer):
        raise ValueError(f"{type(optimizer).__name__} already has a rate")
    for group in optimizer.param_groups:
        if "lr" not in group:
            raise ValueError(
                f"{type(optimizer).__name__} has no learning rate (lr) that a rate could multiply"
            )
        group.setdefault(B_SQUARED, values["b0"] ** 2)
        group.setdefault(STEPS, 0)
    rescaled = Rescaled(rate, takes_loss=takes_loss(optimizer), **values)
    optimizer.register_step_pre_hook(rescaled.before)
    optimizer.register_step_post_hook(rescaled.after)
    optimizer.register_load_state_dict_pre_hook(check_state)
    return optimizer


def b_of(optimizer: Optimizer) -> list[float]:
    """b_t of each param group of an optimizer with a rate. Reads back from the device."""
    return [math.sqrt(group[B_SQUARED]) for group in optimizer.param_groups]


class Rescaled:
    """The hooks that set the learning rates before a step and restore them after it."""

    def __init__(
        self, rate: RateName, *, takes_loss: bool, b0: float, alpha: float, c: float
    ) -> None:
        self.rate = rate
        self.takes_loss = takes_loss
        self.b0 = b0
        self.alpha = alpha
        self.c = c
        self.changed: list[tuple[dict[str, Any], Any, Any]] = []

    def before(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Accumulate b_t² and scale the learning rates; return the arguments of the step itself."""
        self.restore()
        args, kwargs, loss = self.with_the_loss(optimizer, args, kwargs)
        if is_skipped(optimizer):
            return args, kwargs
        increment = self.increment(optimizer, loss)
        for group in optimizer.param_groups:
            if STEPS not in group:
                # Added after `add_rate`.
                group[B_SQUARED], group[STEPS] = self.b0**2, 0
            group[STEPS] += 1
            if increment is not None:
                group[B_SQUARED] = plus(group[B_SQUARED], increment)
            elif self.rate == "decay_sqrt":
                group[B_SQUARED] = self.b0**2 + self.alpha * group[STEPS]
            elif self.rate == "decay_sqrt_sum":
                group[B_SQUARED] = (self.b0 + self.alpha * math.sqrt(group[STEPS])) ** 2
            before = group["lr"]
            group["lr"] = scaled_lr(group)
            self.changed.append((group, before, group["lr"]))
        return args, kwargs

    def after(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        """Restore the learning rates.

        Raises:
            RuntimeError: the step changed a learning rate itself.
        """
        for group, _, scaled in self.changed:
            if not is_still(group["lr"], scaled):
                raise RuntimeError(
                    f"{type(optimizer).__name__} changes its learning rate itself, and cannot "
                    "have a rate"
                )
        self.restore()

    def restore(self) -> None:
        """Undo the last scaling; a learning rate that somebody else has set since stays."""
        for group, before, scaled in self.changed:
            if is_still(group["lr"], scaled):
                group["lr"] = before
        self.changed.clear()

    def with_the_loss(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], Loss | None]:
        """The arguments of the optimizer's own step, and the loss in them or of the closure."""
        own, *rest = args
        kwargs = dict(kwargs)
        closure = rest.pop(0) if rest else kwargs.pop("closure", None)
        loss: Loss | None = kwargs.get("loss") if self.takes_loss else kwargs.pop("loss", None)
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
            kwargs["closure"] = Once(optimizer, loss)
        if loss is not None:
            check_loss(loss)
        return (own, *rest), kwargs, loss

    def increment(self, optimizer: Optimizer, loss: Loss | None) -> Scalar | None:
        """What a step adds to b_t²; None where b_t² does not accumulate."""
        if self.rate == "adaloss":
            if loss is None:
                raise TypeError(
                    "the rate adaloss needs the loss: write optimizer.step(loss=loss) after "
                    "loss.backward(), or optimizer.step(closure)"
                )
            difference: Scalar = loss_value(loss) - self.c
            return (
                difference.abs() * self.alpha
                if isinstance(difference, Tensor)
                else self.alpha * abs(difference)
            )
        if self.rate == "adagrad_norm":
            groups = optimizer.param_groups
            # Gradients that are to be differentiated have a graph.
            with torch.no_grad():
                norm = squared_norm([batch for g in groups for batch in gather(g["params"])])
                return unscaled(norm, optimizer)
        return None


class Once:
    """A closure that returns a loss that has been computed already, with its gradients."""

    def __init__(self, optimizer: Optimizer, loss: Any) -> None:
        self.optimizer = optimizer
        self.loss = loss
        self.called = False

    def __call__(self) -> Any:
        """Return the loss; at the second call raise RuntimeError."""
        if self.called:
            raise RuntimeError(
                f"{type(self.optimizer).__name__} computes the loss more than once in a step, "
                "for which no rate is defined"
            )
        self.called = True
        return self.loss


def has_rate(optimizer: Optimizer) -> bool:
    """Whether this very optimizer has a rate; a copy has the state of one without its hooks."""
    hooks = optimizer._optimizer_step_pre_hooks.values()
    return any(isinstance(getattr(hook, "__self__", None), Rescaled) for hook in hooks)


def is_skipped(optimizer: Optimizer) -> bool:
    """Whether a `GradScaler` has found an infinite gradient, so that this step changes nothing.

    It does not call `step` then, except of fused optimizers, whose kernels look at `found_inf`.
    """
    found = getattr(optimizer, "found_inf", None)
    return found is not None and float(found) > 0


def unscaled(norm: Scalar, optimizer: Optimizer) -> Scalar:
    """‖g‖² without the factor of a `GradScaler`, which leaves it in for fused optimizers."""
    scale: Tensor | None = getattr(optimizer, "grad_scale", None)
    if scale is None:
        return norm
    factor = loss_value(scale.to(norm.device if isinstance(norm, Tensor) else "cpu"))
    return norm / (factor * factor)


def takes_loss(optimizer: Optimizer) -> bool:
    """Whether the optimizer's own step has an argument ``loss``."""
    return "loss" in signature(type(optimizer).step).parameters


def is_still(lr: Any, scaled: Any) -> bool:
    """Whether a learning rate is the one that was set."""
    # A compiled step makes numbers anew; comparing tensors would wait for the device.
    return lr is scaled or (not isinstance(lr, Tensor) and bool(lr == scaled))


def scaled_lr(group: dict[str, Any]) -> Any:
    """The group's learning rate times 1/b_t; a tensor if b_t² is one and the optimizer takes it."""
    b_squared: Scalar = group[B_SQUARED]
    lr = group["lr"]
    if isinstance(b_squared, Tensor):
        if group.get("fused") or group.get("capturable"):
            return (lr * b_squared.rsqrt()).to(torch.float32)
        b_squared = float(b_squared)
    return lr * (1.0 / math.sqrt(b_squared))


def check_state(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Refuse a state that was saved without the rate."""
    for group in state["param_groups"]:
        if B_SQUARED not in group:
            raise ValueError(
                "this state was saved by an optimizer without a rate: it has no b_t²; "
                "load it before add_rate"
            )
