"""The problem of a trial of a two-layer network, and its start."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adaloss.records.places import Places
from adaloss.tasks.drawn import DrawnCode
from adaloss.tasks.regression.training import LeastSquares
from adaloss.tasks.seeding import named_generator
from adaloss.tasks.two_layer.fields import TwoLayerTrial


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """``x``: rows × dimensions with ‖x_i‖ = 1, ``y``: rows, both float64.

    ``smallest`` and ``largest`` are the extreme eigenvalues of H∞ (:func:`h_infinity`).
    """

    x: Tensor
    y: Tensor
    smallest: float
    largest: float


class TwoLayerNet(nn.Module):
    """u(x) = Σ_r a_r·relu(w_r·x)/√m with m neurons; the signs a_r = ±1 are fixed.

    Du, Zhai, Póczos and Singh, "Gradient descent provably optimizes over-parameterized neural
    networks", ICLR 2019; w_r starts standard normal.
    """

    signs: Tensor
    start: Tensor

    def __init__(self, width: int, dimensions: int, generator: torch.Generator) -> None:
        super().__init__()
        w = torch.randn(width, dimensions, generator=generator, dtype=torch.float64)
        signs = torch.randint(2, (width,), generator=generator).double() * 2 - 1
        self.w = nn.Parameter(w)
        self.register_buffer("signs", signs)
        self.register_buffer("start", w.clone())

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of the rows of x."""
        hidden = torch.relu(x @ self.w.T)
        return hidden @ self.signs / math.sqrt(len(self.signs))


def training_of(
    trial: TwoLayerTrial, problem: Problem, places: Places, device: str
) -> LeastSquares:
    """The trial at its beginning.

    With ``accumulates: norm`` adaloss adds α‖u − y‖ to b² (Wu, Du and Ward, "Global convergence of
    adaptive gradient methods for an over-parameterized neural network", 2019), else α‖u − y‖²/2.
    """
    model = TwoLayerNet(trial.width, trial.dimensions, named_generator(trial.seed, "weights"))

    def measured(b: float | None) -> dict[str, float | None]:
        moved = torch.linalg.vector_norm(model.w - model.start, dim=1).max()
        return {
            "moved": float(moved),
            "lambda_0": problem.smallest,
            "h_norm": problem.largest,
        }

    return LeastSquares(
        trial,
        model.to(device),
        problem.x,
        problem.y,
        measured,
        places,
        device,
        sees=(lambda loss: (2 * loss).sqrt()) if trial.accumulates_norm else None,
    )


def drawn(trial: TwoLayerTrial, device: str) -> Problem:
    """The problem of the trial's seed and sizes, the same for every optimizer and width."""
    generator = named_generator(trial.seed, "data")
    x = torch.randn(trial.rows, trial.dimensions, generator=generator, dtype=torch.float64)
    x = x / torch.linalg.vector_norm(x, dim=1, keepdim=True)
    y = torch.randn(trial.rows, generator=generator, dtype=torch.float64)
    eigenvalues = torch.linalg.eigvalsh(h_infinity(x))
    return Problem(
        x=x.to(device),
        y=y.to(device),
        smallest=float(eigenvalues[0]),
        largest=float(eigenvalues[-1]),
    )


def h_infinity(x: Tensor) -> Tensor:
    """H∞_ij = E[x_i·x_j 1{w·x_i ≥ 0, w·x_j ≥ 0}], which is x_i·x_j (π − arccos(x_i·x_j))/2π."""
    products = (x @ x.T).clamp(-1, 1)
    products.fill_diagonal_(1)
    return products * (math.pi - products.arccos()) / (2 * math.pi)


CODE = DrawnCode(drawn, training_of)
