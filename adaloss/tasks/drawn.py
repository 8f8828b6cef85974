"""How trials that read no data start: what they train on is drawn from the seed."""

from collections.abc import Callable, Iterable
from typing import Any

from adaloss.records.places import Places
from adaloss.records.result import Fingerprint
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.task import Calibration, Inputs, Run, timed
from adaloss.trial import Capture, Trial


class DrawnCode:
    """The heavy half of such a task: see :class:`adaloss.tasks.task.TaskCode`.

    ``draw`` gives the problem of a trial on a device, ``begin`` the trial with its problem.
    """

    def __init__(
        self,
        draw: Callable[[Any, str], Any],
        begin: Callable[[Any, Any, Places, str], Run],
    ) -> None:
        self.draw = draw
        self.begin = begin

    def fetch(self, trials: Iterable[Trial], places: Places) -> None:
        """There is nothing to fetch."""

    def problems(self, trials: Iterable[Trial], places: Places) -> Iterable[str]:
        """There is nothing to read."""
        return ()

    def read(self, trial: Trial, places: Places, device: str) -> Inputs:
        """Draw the problem."""
        data = self.draw(trial, device)
        return Inputs(data=data, sizes=None, fingerprint=fingerprint_with(trial, places, None))

    def fingerprint(self, trial: Trial, places: Places, inputs: Inputs) -> Fingerprint | None:
        """Digest an optimizer of the user's own again."""
        return fingerprint_with(trial, places, None)

    def start(
        self, trial: Trial, inputs: Inputs, places: Places, device: str, *, capture: Capture
    ) -> Run:
        """Start the trial at its beginning."""
        return self.begin(trial, inputs.data, places, device)

    def calibrate(self, run: Run) -> Calibration:
        """Time an epoch."""
        return timed(run)

    def rehearse(self, trial: Trial, places: Places, device: str) -> None:
        """Take a few steps."""
        small = trial.made_small()
        self.begin(small, self.draw(small, device), places, device).run_epoch()
