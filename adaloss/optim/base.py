"""What the five optimizers share: the step protocol, checked hyperparameters, honest state."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any, ClassVar, ParamSpec, TypeVar, overload

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from adaloss.optim.loss import Loss, accumulator_dtype, check_loss
from adaloss.optim.validation import check_parameters, real_number, valid_hyperparameter

AnyLoss = TypeVar("AnyLoss", bound=Loss)
P = ParamSpec("P")
Given = TypeVar("Given")


class LossOptimizer(Optimizer):
    """A `torch.optim.Optimizer` whose `step` takes the loss; not for use on its own.

    Hyperparameters and scalar state live in `param_groups`, as floats: `load_state_dict` casts
    what is in `state` to the dtype of the parameters, which b_t² would not survive in bfloat16.
    """

    hyperparameters: ClassVar[tuple[str, ...]]
    """The names that apply, each of which a param group may override."""

    keeps_b_squared: ClassVar[bool] = False
    """Whether b_t² depends on the past, and so is kept as `group["b_squared"]`."""

    stays: bool = False
    """Whether t and b_t² stay in the tensors that they are in: see `keep_on`."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The names of what each param group keeps from step to step, beside hyperparameters."""
        return ("t", "b_squared") if self.keeps_b_squared else ("t",)

    def __init__(self, params: ParamsT, **hyperparameters: float) -> None:
        defaults = {
            name: valid_hyperparameter(name, value) for name, value in hyperparameters.items()
        }
        super().__init__(params, defaults)

    @overload
    def step(self, closure: None = None, *, loss: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], AnyLoss], *, loss: None = None) -> AnyLoss: ...

    @overload
    def step(self, closure: None = None, *, loss: AnyLoss) -> AnyLoss: ...

    def step(
        self, closure: Callable[[], Loss] | None = None, *, loss: Loss | None = None
    ) -> Loss | None:
        """Take one step, after `loss.backward()` or with a closure that calls it.

        Nothing is read back from a device. The weights and the loss should share one: a loss on
        a GPU is only waited for if the weights are on the CPU. With a `GradScaler`, pass the
        unscaled loss: `scaler.step(optimizer, loss=loss)`.

        Args:
            closure: clears the gradients, computes the loss, calls `backward()`, returns the loss.
            loss: what `backward()` was called on: a 0-d tensor (any real dtype, any device, with
                or without a graph) or a number. Only `AdaLoss` needs it.

        Returns:
            The loss as it was given or as the closure returned it, else None.

        Raises:
            TypeError: both `closure` and `loss` given, or neither where the loss is needed, or
                something that is no closure and no loss.
            ValueError: the loss is not a scalar.
            RuntimeError: a gradient is sparse or complex. No error changes weights or state.
        """
        if closure is not None:
            if loss is not None:
                raise TypeError("step takes a closure or loss=..., not both")
            if not callable(closure):
                raise TypeError(
                    f"the closure must be callable, not {type(closure).__name__}; "
                    "a loss is passed by name: optimizer.step(loss=loss)"
                )
            with torch.enable_grad():
                loss = closure()
        if loss is not None:
            check_loss(loss)
        with torch.no_grad():
            self.update(loss)
        return loss

    def update(self, loss: Loss | None) -> None:
        """Advance the state and the weights by one step; gradients are off."""
        raise NotImplementedError

    def keep_on(self, device: torch.device) -> None:
        """Keep t and b_t² in tensors on this device, where the weights and the loss must be.

        They are 0-d, of float64 (float32 on MPS), and the same ones in every step: then all that
        a step reads and changes is on the device, and it can be replayed as a CUDA graph.
        `load_state_dict` makes numbers of them again; a group that is added has numbers.
        """
        for group in self.param_groups:
            for name in self.kept:
                number = float(group[name])
                group[name] = torch.tensor(number, dtype=accumulator_dtype(device), device=device)
        self.stays = True

    def b(self) -> list[float | None]:
        """b_t of each param group, b0 before the first step; None where there is no single one.

        Reads back from the device, so call it when logging rather than at every step.
        """
        raise NotImplementedError

    def rates(self) -> list[float | None]:
        """1/b_t of each param group: what the gradient was multiplied by. Reads back as `b`."""
        return [None if b is None else 1.0 / b for b in self.b()]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a param group, which may override any hyperparameter.

        Raises:
            TypeError: a hyperparameter is no real number, or a parameter not real floating point.
            ValueError: a hyperparameter breaks its rule.
        """
        without_compiler(Optimizer.add_param_group)(self, param_group)
        group = self.param_groups[-1]
        try:
            check_parameters(group["params"])
            for name in self.hyperparameters:
                group[name] = valid_hyperparameter(name, group[name])
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise
        group.setdefault("t", 0)
        if self.keeps_b_squared:
            group.setdefault("b_squared", group["b0"] * group["b0"])

    def state_dict(self) -> dict[str, Any]:
        """The state as torch's optimizers give it: `state` by parameter, and `param_groups`."""
        state = without_compiler(Optimizer.state_dict)(self)
        for group in state["param_groups"]:
            # Steps change them in place, and what was saved is to stay.
            group |= {n: group[n].clone() for n in self.kept if isinstance(group[n], Tensor)}
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Raises:
            ValueError: it is the state of another optimizer or of other parameters.
        """
        without_compiler(Optimizer.load_state_dict)(self, state_dict)
        self.stays = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what `load_state_dict`, `pickle` or `copy` restored, once it is checked."""
        # A shallow copy is given the groups of the original, which are not to change.
        groups = [dict(group) for group in state["param_groups"]]
        for index, group in enumerate(groups):
            self.check_loaded(index, group)
        super().__setstate__(state | {"param_groups": groups})

    def check_loaded(self, index: int, group: dict[str, Any]) -> None:
        """Check one restored param group; t and b_t² become numbers again, wherever they were."""
        missing = [name for name in (*self.hyperparameters, *self.kept) if name not in group]
        if missing:
            raise ValueError(
                f"param group {index} has no {', '.join(missing)}: "
                f"this is not the state of {type(self).__name__}"
            )
        for name in self.hyperparameters:
            group[name] = valid_hyperparameter(name, group[name])
        if isinstance(group["t"], Tensor):
            group["t"] = int(group["t"])
        if not isinstance(group["t"], int) or group["t"] < 0:
            raise ValueError(f"t must be an integer, at least 0, not {group['t']!r}")
        if self.keeps_b_squared:
            b_squared = group["b_squared"]
            number = float(b_squared) if isinstance(b_squared, Tensor) else b_squared
            group["b_squared"] = real_number("b_squared", number)
            if group["b_squared"] <= 0:
                raise ValueError(f"b_squared must be above 0, not {b_squared!r}")


def without_compiler(method: Callable[P, Given]) -> Callable[P, Given]:
    """The method of torch's optimizer inside its wrapper.

    The wrapper keeps torch's compiler out, and imports all of it to do so: as long as torch itself
    takes, and 150 MB, in every process that builds an optimizer or keeps its state.
    """
    inner: Callable[P, Given] = unwrap(method)
    return inner
