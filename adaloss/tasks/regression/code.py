"""How trials of linear regression draw their problem and start."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from adaloss.records.places import Places
from adaloss.records.result import Fingerprint
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.regression.training import Regression
from adaloss.tasks.seeding import named_generator
from adaloss.tasks.task import Calibration, Inputs, Run, timed
from adaloss.trial import Capture


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """y = X·w*: ``x`` is rows × dimensions, ``y`` rows, ``solution`` dimensions; float64.

    ``largest`` is λ₁, the largest eigenvalue of XᵀX.
    """

    x: Tensor
    y: Tensor
    solution: Tensor
    largest: float


class RegressionCode:
    """The heavy half of the task: see :class:`adaloss.tasks.task.TaskCode`."""

    def fetch(self, trials: Iterable[RegressionTrial], places: Places) -> None:
        """The problem is drawn, so there is nothing to fetch."""

    def read(self, trial: RegressionTrial, places: Places, device: str) -> Inputs:
        """Draw the problem of the trial's seed: X and w* are standard normal."""
        return Inputs(
            data=drawn(trial, device), sizes=None, fingerprint=fingerprint_with(trial, places, None)
        )

    def fingerprint(
        self, trial: RegressionTrial, places: Places, inputs: Inputs
    ) -> Fingerprint | None:
        """Digest an optimizer of the user's own again."""
        return fingerprint_with(trial, places, None)

    def start(
        self,
        trial: RegressionTrial,
        inputs: Inputs,
        places: Places,
        device: str,
        *,
        capture: Capture,
    ) -> Run:
        """Start at w = 0."""
        return Regression(trial, inputs.data, places, device)

    def calibrate(self, run: Run) -> Calibration:
        """Time an epoch."""
        assert isinstance(run, Regression)
        return timed(run, steps=run.trial.steps_per_epoch)


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
