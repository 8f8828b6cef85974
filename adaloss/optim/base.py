"""The base class of the optimizers: arguments, the `step` protocol, checks, saving and loading."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, overload

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from adaloss.optim.loss import Loss, accumulator_dtype, check_loss
from adaloss.optim.validation import check_parameters, real_number, valid_hyperparameter
from adaloss.optim.without_compiler import without_compiler

AnyLoss = TypeVar("AnyLoss", bound=Loss)


class LossOptimizer(Optimizer):
    """A `torch.optim.Optimizer` whose `step` takes the loss. Use one of its subclasses.

    Hyperparameters, t and b_t² are stored in `param_groups` as numbers. In `state` they would
    lose digits: `load_state_dict` casts the tensors there to the dtype of the parameters.
    """

    hyperparameters: ClassVar[tuple[str, ...]]
    """The names of the hyperparameters. A param group may override each of them."""

    keeps_b_squared: ClassVar[bool] = False
    """Whether b_t² depends on earlier steps and is therefore stored as `group["b_squared"]`."""

    updates_in_place: bool = False
    """Whether a step updates t and b_t² in the same tensors: see `keep_on`."""

    @property
    def state_keys(self) -> tuple[str, ...]:
        """The keys of a param group that change from step to step."""
        return ("t", "b_squared") if self.keeps_b_squared else ("t",)

    def __init__(self, params: ParamsT, **hyperparameters: float) -> None:  # noqa: D417
        """Create the optimizer. Each class takes `params` and the hyperparameters that it names.

        Args:
            params: parameters or param groups: real floating-point tensors of any dtype, shape
                and device. A param group may override any hyperparameter.
            lr: learning rate η ≥ 0. It multiplies the whole step.
            b0: b_0 > 0, the initial value of b_t, which divides the gradient.
            alpha: α ≥ 0, the growth of b_t² (`AdaLoss`, `SGDDecaySqrt`). 0 is `SGDConstant`.
            c: the loss at the optimum, or a lower bound of it (`AdaLoss`).
            momentum: m in [0, 1), in PyTorch's convention (`AdaGradNormRowwise`: an average).
            weight_decay: wd ≥ 0. wd·w is added to the scaled gradient (`AdaGradNormRowwise`: wd·g).

        Raises:
            TypeError: a hyperparameter is not a real number, or a parameter is not real floating
                point.
            ValueError: a hyperparameter is outside its range.
        """
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

        The step reads no value back from a device if the weights and the loss are on the same
        device. It waits for a loss on a GPU only if the weights are on the CPU. With a
        `GradScaler`, pass the unscaled loss: `scaler.step(optimizer, loss=loss)`. A step that
        raises changes neither the weights nor the state.

        Args:
            closure: clears the gradients, computes the loss, calls `backward()`, returns the loss.
            loss: the tensor that `backward()` was called on (0-d, any real dtype, any device, with
                or without a graph), or its value as a number. Only `AdaLoss` needs it.

        Returns:
            `loss`, or what the closure returned, or None without either.

        Raises:
            TypeError: both `closure` and `loss` were passed, `AdaLoss` received neither, the
                closure is not callable, or the loss is not a real number.
            ValueError: the loss is not a scalar.
            RuntimeError: a gradient is sparse or complex.
        """
        if closure is not None:
            if loss is not None:
                raise TypeError("step takes a closure or loss=..., not both")
            if not callable(closure):
                raise TypeError(
                    f"the closure must be callable, not {type(closure).__name__}; "
                    "pass a loss by name: optimizer.step(loss=loss)"
                )
            with torch.enable_grad():
                loss = closure()
        if loss is not None:
            check_loss(loss)
        with torch.no_grad():
            self.update(loss)
        return loss

    def update(self, loss: Loss | None) -> None:
        """Update the state and the weights. `step` calls this with gradients disabled."""
        raise NotImplementedError

    def keep_on(self, device: torch.device) -> None:
        """Keep t and b_t² in tensors on this device, where the weights and the loss must be.

        The tensors are 0-d, in float64 (float32 on MPS), and every step updates the same tensors.
        A step then reads and writes nothing outside the device and can be replayed as a CUDA
        graph. `load_state_dict` turns the tensors back into numbers. A param group added later
        has numbers.
        """
        for group in self.param_groups:
            for name in self.state_keys:
                number = float(group[name])
                group[name] = torch.tensor(number, dtype=accumulator_dtype(device), device=device)
        self.updates_in_place = True

    def b(self) -> list[float | None]:
        """b_t of each param group: b0 before the first step, None if the group has no single b_t.

        This reads a value back from the device, so call it when logging, not at every step.
        """
        raise NotImplementedError

    def rates(self) -> list[float | None]:
        """1/b_t of each param group, which multiplied the last gradient. Reads back like `b`."""
        return [None if b is None else 1.0 / b for b in self.b()]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a param group, which may override any hyperparameter.

        Raises:
            TypeError, ValueError: as the constructor.
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
        """The state in the form of torch's optimizers: `state` by parameter, and `param_groups`."""
        state = without_compiler(Optimizer.state_dict)(self)
        for group in state["param_groups"]:
            # Later steps update these tensors in place; the saved values must not change.
            group |= {n: group[n].clone() for n in self.state_keys if isinstance(group[n], Tensor)}
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state that `state_dict` returned.

        Raises:
            TypeError: a hyperparameter or `b_squared` in it is not a real number.
            ValueError: the state belongs to another optimizer or to other parameters, or a value
                in it is outside its range.
        """
        without_compiler(Optimizer.load_state_dict)(self, state_dict)
        self.updates_in_place = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Check and accept the state that `load_state_dict`, `pickle` or `copy` restored."""
        # A shallow copy shares the original's groups, which must not change.
        groups = [dict(group) for group in state["param_groups"]]
        for index, group in enumerate(groups):
            self.check_loaded(index, group)
        super().__setstate__(state | {"param_groups": groups})

    def check_loaded(self, index: int, group: dict[str, Any]) -> None:
        """Check one restored param group, and turn t and b_t² into numbers if they are tensors."""
        missing = [name for name in (*self.hyperparameters, *self.state_keys) if name not in group]
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
            raise ValueError(f"t must be an integer and at least 0, not {group['t']!r}")
        if self.keeps_b_squared:
            b_squared = group["b_squared"]
            number = float(b_squared) if isinstance(b_squared, Tensor) else b_squared
            group["b_squared"] = real_number("b_squared", number)
            if group["b_squared"] <= 0:
                raise ValueError(f"b_squared must be above 0, not {b_squared!r}")
