"""The Adam of the AdaLoss paper, which AdamLoss and its baselines scale."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT


class PaperAdam(Optimizer):
    """Adam as in Algorithm 2 of the AdaLoss paper: ε is inside the root, and β₂ is 0.99.

        m ← β₁·m + (1 − β₁)·g        v ← β₂·v + (1 − β₂)·g²
        w ← w − lr·m̂/√(v̂ + ε)        m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)

    `torch.optim.Adam` has ε outside the root. The paper gives no ε. With
    `add_rate(optimizer, "adaloss")` this is AdamLoss, with `decay_sqrt` its AdamSqrt baseline.
    Weight decay wd is added to the gradient as wd·w.

    Source: Wu, Xie, Du, Ward, AAAI 2022, Algorithm 2.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Create the optimizer.

        Args:
            params: parameters or param groups: real floating-point tensors.
            lr: learning rate η ≥ 0.
            betas: β₁ and β₂, each in [0, 1).
            eps: ε > 0.
            weight_decay: wd ≥ 0.

        Raises:
            ValueError: a value is outside its range.
        """
        if lr < 0 or eps <= 0 or weight_decay < 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(
                f"lr and weight_decay must be at least 0, eps above 0 and betas in [0, 1), "
                f"not lr={lr!r}, weight_decay={weight_decay!r}, eps={eps!r}, betas={betas!r}"
            )
        super().__init__(
            params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; returns what the closure returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.update(parameter, parameter.grad, group)
        return loss

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Update one parameter in place."""
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["m"], state["v"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        first, second = group["betas"]
        if group["weight_decay"]:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        state["m"].lerp_(gradient, 1 - first)
        state["v"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        unbiased = state["v"] / (1 - second ** state["step"])
        step = group["lr"] / (1 - first ** state["step"])
        parameter.addcdiv_(state["m"], unbiased.add_(group["eps"]).sqrt_(), value=-float(step))
