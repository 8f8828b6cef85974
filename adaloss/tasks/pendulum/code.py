"""How a trial that swings a pendulum up starts: it reads no data."""

from collections.abc import Iterable

from adaloss.records.places import Places
from adaloss.records.result import Fingerprint
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.pendulum.fields import PendulumTrial
from adaloss.tasks.pendulum.training import SwingUp, steps_per_epoch
from adaloss.tasks.task import Calibration, Inputs, Run, timed
from adaloss.trial import Capture


class PendulumCode:
    """The heavy half of the task: see :class:`adaloss.tasks.task.TaskCode`."""

    def fetch(self, trials: Iterable[PendulumTrial], places: Places) -> None:
        """There is nothing to fetch."""

    def read(self, trial: PendulumTrial, places: Places, device: str) -> Inputs:
        """There is nothing to read but an optimizer of the user's own, which is digested."""
        return Inputs(data=None, sizes=None, fingerprint=fingerprint_with(trial, places, None))

    def fingerprint(
        self, trial: PendulumTrial, places: Places, inputs: Inputs
    ) -> Fingerprint | None:
        """Digest an optimizer of the user's own again."""
        return fingerprint_with(trial, places, None)

    def start(
        self, trial: PendulumTrial, inputs: Inputs, places: Places, device: str, *, capture: Capture
    ) -> Run:
        """Start the trial at its beginning."""
        return SwingUp(trial, places, device)

    def calibrate(self, run: Run) -> Calibration:
        """Time an epoch."""
        assert isinstance(run, SwingUp)
        return timed(run, steps=steps_per_epoch(run.trial))


CODE = PendulumCode()
