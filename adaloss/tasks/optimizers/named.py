"""Any optimizer by name, with the methods that a trial calls of every optimizer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from adaloss.optim.rates import add_rate, b_of
from adaloss.optimizer_names import WITH_MOMENTUM, RateName, module_and_class
from adaloss.tasks.optimizers.constructors import (
    OptimizerError,
    accepted,
    built,
    constructor_of,
    described,
)
from adaloss.tasks.optimizers.protocols import GRADIENT_OF_EACH, protocol_of

# torch's Muon takes matrices only. It and AdamW then share one learning rate.
MATRICES_ONLY = {"torch.optim:Muon": {"adjust_lr_fn": "match_rms_adamw"}}


class NamedOptimizer:
    """An optimizer by name in a trial, or two where one takes only matrices.

    See :class:`adaloss.tasks.optimizers.paper.TrialOptimizer`.
    """

    def __init__(self, optimizers: Sequence[Optimizer], *, b0: float, rate: RateName) -> None:
        self.optimizers = tuple(optimizers)
        self.protocols = tuple(map(protocol_of, self.optimizers))
        self.b0 = b0
        self.rate = rate
        self.lr: list[list[Any]] = [
            [group.get("lr") for group in o.param_groups] for o in self.optimizers
        ]
        self.factor = 1.0
        self.create_graph = any(protocol.create_graph for protocol in self.protocols)
        self.resumable = all(protocol.resumable for protocol in self.protocols)
        self.needs_closure = any(protocol.again for protocol in self.protocols)
        self.takes_loss = any(p.loss or p.closure for p in self.protocols)
        # Most optimizers count steps in Python, which a graph would repeat as it was; so would it
        # the learning rate of a rate. `capturable` ones keep all that changes on the device.
        groups = [group for o in self.optimizers for group in o.param_groups]
        capturable = all(group.get("capturable") is True for group in groups)
        # Constructors that take any name may put it into their groups and never look at it.
        capturable &= all("capturable" in signature(type(o)).parameters for o in self.optimizers)
        self.replayable = capturable and rate == "constant" and not self.create_graph
        self.switch("train")

    def update(self, loss: Tensor) -> None:
        """Take one step after the backward pass; the loss stays on its device."""
        for optimizer, protocol in zip(self.optimizers, self.protocols, strict=True):
            step: Callable[..., Any] = optimizer.step
            if protocol.closure:
                step(lambda: loss)
            elif protocol.loss or self.rate != "constant":
                step(loss=loss)
            else:
                step()

    def minimize(self, closure: Callable[[], Tensor]) -> Tensor:
        """Take one step with a closure that computes the loss and the gradients; the first loss."""
        (optimizer,) = self.optimizers
        losses: list[Tensor] = []

        def recorded() -> Tensor:
            losses.append(closure())
            return losses[-1]

        step: Callable[..., Any] = optimizer.step
        step(recorded)
        return losses[0].detach()

    def set_factor(self, factor: float) -> None:
        """Multiply the learning rates that the optimizer was built with, for the next steps.

        Raises:
            OptimizerError: it has none, or changes it itself.
        """
        for optimizer, rates in zip(self.optimizers, self.lr, strict=True):
            for group, lr in zip(optimizer.param_groups, rates, strict=True):
                if lr is None or group["lr"] != lr * self.factor:
                    raise OptimizerError(
                        f"{type(optimizer).__name__} has no learning rate or changes it itself, "
                        "and cannot have a schedule or a warm-up: set schedule to constant and "
                        "warmup to 0 there with an override"
                    )
                group["lr"] = lr * factor
        self.factor = factor

    def b(self) -> float | None:
        """b_t, the divisor of the learning rate; None without a learning rate."""
        if self.lr[0][0] is None:
            return None
        return self.b0 if self.rate == "constant" else b_of(self.optimizers[0])[0]

    def keep_on(self, device: torch.device) -> None:
        """Steps are not replayed."""

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Have the weights that the optimizer wants evaluated, then those that it trains."""
        self.switch("eval")
        try:
            yield
        finally:
            self.switch("train")

    def switch(self, mode: str) -> None:
        """Call `train` or `eval` of the optimizers that have both."""
        for optimizer, protocol in zip(self.optimizers, self.protocols, strict=True):
            if protocol.modes:
                getattr(optimizer, mode)()

    def state_dict(self) -> dict[str, Any]:
        """The states of the optimizers."""
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        return {"optimizers": states, "factor": self.factor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
            keep_dtypes(optimizer, own)
            move_to_parameters(optimizer)
        self.factor = state["factor"]

    def resolved(self) -> str:
        """The classes with all their arguments, as the optimizers have them."""
        return " and ".join(
            f"{type(optimizer).__name__}({described(optimizer.defaults)})"
            for optimizer in self.optimizers
        )


def keep_dtypes(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Undo torch's conversion of loaded tensors to the parameters' dtype.

    NAdam, say, keeps a product in float32 also for parameters in float64: converted, the rest of
    the trial would have other numbers.
    """
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    numbers = [number for group in saved.get("param_groups", ()) for number in group["params"]]
    for parameter, number in zip(parameters, numbers, strict=False):
        loaded = optimizer.state.get(parameter, {})
        for name, value in saved.get("state", {}).get(number, {}).items():
            found = loaded.get(name)
            both = isinstance(value, torch.Tensor) and isinstance(found, torch.Tensor)
            if both and found.dtype != value.dtype:
                loaded[name] = value.to(found.device, copy=True)


def move_to_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Move loaded tensors in param groups to the parameters' device; torch moves only the state's.

    DoG, say, adds the norm of a gradient to such a tensor in place.
    """
    device = optimizer.param_groups[0]["params"][0].device
    for group in optimizer.param_groups:
        for name, value in group.items():
            if name != "params":
                group[name] = moved(value, device)


def moved(value: Any, device: torch.device) -> Any:
    """A tensor, or a list of tensors, on the device; anything else as it is."""
    if isinstance(value, list):
        return [moved(each, device) for each in value]
    return value.to(device) if isinstance(value, Tensor) else value


def build_named(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    momentum: float,
    hyperparameters: Mapping[str, Any],
    rate: RateName,
    b0: float,
    alpha: float,
    c: float,
    folders: Sequence[Path] = (),
) -> NamedOptimizer:
    """Build the optimizer of this name for the parameters of a model.

    Its learning rate is lr/b0, or lr with a rate that starts from b0 (:func:`add_rate`). The
    user's own classes are searched in ``folders``.

    Raises:
        OptimizerError: there is no such class, it refuses the arguments, or it has no learning rate
            where b0 or a rate needs one.
    """
    build = constructor_of(name, folders)
    lr = lr / b0 if rate == "constant" else lr
    common = {"lr": lr, "weight_decay": weight_decay}
    if name in WITH_MOMENTUM:
        common["momentum"] = momentum
    arguments = accepted(name, build, common, hyperparameters)
    module_name, class_name = module_and_class(name)
    parameters = [
        parameter
        for parameter in model.parameters()
        if parameter.requires_grad or class_name not in GRADIENT_OF_EACH
    ]
    extra = MATRICES_ONLY.get(f"{module_name}:{class_name}")
    if extra is None:
        optimizers = [built(name, build, parameters, arguments)]
    else:
        matrices = [parameter for parameter in parameters if parameter.ndim == 2]
        others = [parameter for parameter in parameters if parameter.ndim != 2]
        optimizers = [built(name, build, matrices, extra | arguments)] if matrices else []
        if others:
            shared = {key: arguments[key] for key in ("lr", "weight_decay")}
            optimizers.append(built(name, torch.optim.AdamW, others, shared))
    check_passed(name, optimizers, lr=lr, weight_decay=weight_decay, other=b0 != 1, rate=rate)
    if rate == "adagrad_norm" and len(optimizers) > 1:
        raise OptimizerError(f"optimizer {name} is two optimizers, which share no gradient norm")
    if rate != "constant":
        if any(protocol_of(optimizer).again for optimizer in optimizers):
            raise OptimizerError(
                f"optimizer {name} computes the loss several times a step and has no rate"
            )
        try:
            for optimizer in optimizers:
                add_rate(optimizer, rate, b0=b0, alpha=alpha, c=c)
        except ValueError as error:
            raise OptimizerError(f"optimizer {name}: {error}") from error
    return NamedOptimizer(optimizers, b0=b0, rate=rate)


def check_passed(
    name: str,
    optimizers: Sequence[Optimizer],
    *,
    lr: float,
    weight_decay: float,
    other: bool,
    rate: RateName,
) -> None:
    """Refuse a learning rate or weight decay that the optimizer has swallowed.

    ``other``: b0 is not 1.
    """
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    if (lr != 1 or other or rate != "constant") and any(group.get("lr") != lr for group in groups):
        raise OptimizerError(
            f"optimizer {name} has no learning rate (lr): write lr: 1, b0: 1 and no rate for it"
        )
    for group in groups:
        decay = group.get("weight_decay") or 0
        if weight_decay and decay != weight_decay:
            raise OptimizerError(
                f"optimizer {name} has no weight_decay: write weight_decay: 0 for it"
            )
        if decay != weight_decay:
            raise OptimizerError(
                f"optimizer {name} has weight_decay={decay} of its own where the trial has 0: "
                f"write weight_decay: {decay} for it, or name the argument weight_decay in its "
                "constructor (**kwargs do not get a 0)"
            )
