"""The five optimizers, written as their equations: in float64, one tensor at a time."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Gradients = Sequence[Sequence[Tensor | None]]
DEFAULTS = {"lr": 0.1, "b0": 1.0, "alpha": 1.0, "c": 0.0, "momentum": 0.0, "weight_decay": 0.0}


class Reference:
    """Groups of weights, the hyperparameters of each group, and the state of the equations."""

    def __init__(
        self,
        name: str,
        groups: Sequence[Sequence[Tensor]],
        hyperparameters: Sequence[Mapping[str, float]],
    ) -> None:
        self.name = name
        self.weights = [[w.detach().double().clone() for w in group] for group in groups]
        self.settings = [{**DEFAULTS, **settings} for settings in hyperparameters]
        self.buffers: dict[tuple[int, int], Tensor] = {}
        self.sums: dict[tuple[int, int], Tensor] = {}
        self.b_squared = [settings["b0"] ** 2 for settings in self.settings]
        self.t = 0

    def step(self, loss: float, gradients: Gradients) -> list[float | None]:
        """One step of every group; returns each group's rate, None where there is no single one."""
        self.t += 1
        doubles = [[None if g is None else g.double() for g in group] for group in gradients]
        if self.name == "adagrad_norm_rowwise":
            self.rowwise_step(doubles)
            return [None for _ in self.weights]
        rates = self.rates(loss, doubles)
        for i, (weights, settings) in enumerate(zip(self.weights, self.settings, strict=True)):
            for j, w in enumerate(weights):
                g = doubles[i][j]
                if g is None:
                    continue
                d = rates[i] * g + settings["weight_decay"] * w
                if settings["momentum"] > 0:
                    first = (i, j) not in self.buffers
                    d = d if first else settings["momentum"] * self.buffers[i, j] + d
                    self.buffers[i, j] = d
                weights[j] = w - settings["lr"] * d
        return list(rates)

    def rates(self, loss: float, gradients: Gradients) -> list[float]:
        """1/b_{t+1} of each group."""
        squared_norm = sum(
            (float((g**2).sum()) for group in gradients for g in group if g is not None), start=0.0
        )
        for i, settings in enumerate(self.settings):
            if self.name == "adaloss":
                self.b_squared[i] += settings["alpha"] * abs(loss - settings["c"])
            elif self.name == "adagrad_norm":
                self.b_squared[i] += squared_norm
            elif self.name == "sgd_decay_sqrt":
                self.b_squared[i] = settings["b0"] ** 2 + settings["alpha"] * self.t
            else:
                assert self.name == "sgd_constant"
        return [1 / math.sqrt(b_squared) for b_squared in self.b_squared]

    def rowwise_step(self, gradients: Gradients) -> None:
        """The published code's rule: see `AdaGradNormRowwise`."""
        row_norms = None
        for i, (weights, settings) in enumerate(zip(self.weights, self.settings, strict=True)):
            for j, w in enumerate(weights):
                g = gradients[i][j]
                if g is None:
                    continue
                s = self.sums.get((i, j), torch.full_like(g, settings["b0"] ** 2))
                if g.dim() in (2, 4):
                    row_norms = torch.stack([(row**2).sum() for row in g])
                    s = s + row_norms.reshape(-1, *[1] * (g.dim() - 1))
                else:
                    s = s + g**2 + shared_row_norms(row_norms, g)
                self.sums[i, j] = s
                direction = g
                if settings["momentum"] > 0:
                    m = settings["momentum"]
                    buffer = self.buffers.get((i, j), torch.zeros_like(g))
                    self.buffers[i, j] = direction = m * buffer + (1 - m) * g
                w = w - settings["lr"] * direction / (s.sqrt() + 1e-10)
                weights[j] = w - settings["lr"] * settings["weight_decay"] * g


def shared_row_norms(row_norms: Tensor | None, g: Tensor) -> Tensor:
    """What the rows of the last matrix add to the accumulators of a tensor without rows."""
    n = g.shape[0] if g.dim() else 0
    if row_norms is None or n == 0 or len(row_norms) % n or n not in (1, g.shape[-1]):
        return torch.zeros((), dtype=g.dtype)
    k = len(row_norms) // n
    return torch.stack([row_norms[r * k : (r + 1) * k].mean() for r in range(n)])
