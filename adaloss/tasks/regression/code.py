"""The problem of a trial of linear regression, and its start."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adaloss.records.places import Places
from adaloss.tasks.drawn import DrawnCode
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.regression.training import LeastSquares
from adaloss.tasks.seeding import named_generator


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """y = X·w*: ``x`` is rows × dimensions, ``y`` rows, ``solution`` dimensions; float64.

    ``largest`` is λ₁, the largest eigenvalue of XᵀX.
    """

    x: Tensor
    y: Tensor
    solution: Tensor
    largest: float


class Linear(nn.Module):
    """w, which starts at 0, so that a call gives X·w."""

    def __init__(self, dimensions: int, device: str) -> None:
        super().__init__()
        zeros = torch.zeros(dimensions, dtype=torch.float64, device=device)
        self.w = nn.Parameter(zeros)

    def forward(self, x: Tensor) -> Tensor:
        """X·w."""
        return x @ self.w


def training_of(
    trial: RegressionTrial, problem: Problem, places: Places, device: str
) -> LeastSquares:
    """The trial at its beginning."""
    model = Linear(trial.dimensions, device)

    critical = trial.lr * problem.largest / 2

    def measured(b: float | None) -> dict[str, float | None]:
        distance = float((model.w - problem.solution).square().sum())
        relative = None if b is None or not critical else b / critical
        return {"distance": distance, "relative_b": relative}

    return LeastSquares(trial, model, problem.x, problem.y, measured, places, device)


def drawn(trial: RegressionTrial, device: str) -> Problem:
    """The problem of the trial's seed and sizes, the same for every optimizer."""
    generator = named_generator(trial.seed, "data")
    shape = (trial.rows, trial.dimensions)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    solution = torch.randn(trial.dimensions, generator=generator, dtype=torch.float64)
    largest = float(torch.linalg.eigvalsh(x.T @ x)[-1])
    return Problem(
        x=x.to(device), y=(x @ solution).to(device), solution=solution.to(device), largest=largest
    )


CODE = DrawnCode(drawn, training_of)
