"""How trials of image classification read their data, start and are timed."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.records.result import Fingerprint, SplitSizes
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.images.calibration import calibrate
from adaloss.tasks.images.data.splits import (
    check_readable,
    fetch_and_prepare,
    load_splits,
    spec_of,
)
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.models.weights import fetch_weights
from adaloss.tasks.images.stand_in import rehearse
from adaloss.tasks.images.training import Training
from adaloss.tasks.task import Calibration, Inputs, Run
from adaloss.trial import Capture

# Trials of a sweep alternate between a few data sets at most.
DATA_SETS_IN_MEMORY = 2


class ImageCode:
    """The heavy half of the task: see :class:`adaloss.tasks.task.TaskCode`."""

    def __init__(self) -> None:
        self.load_splits = lru_cache(maxsize=DATA_SETS_IN_MEMORY)(load_splits)

    def fetch(self, trials: Iterable[ImageTrial], places: Places) -> None:
        """Download the data sets and weights that are missing, and prepare the data sets."""
        trials = tuple(trials)
        for spec in dict.fromkeys(spec_of(trial, places) for trial in trials):
            fetch_and_prepare(spec, places.data_root)
        fetch_weights(trials, places)

    def problems(self, trials: Iterable[ImageTrial], places: Places) -> Iterator[str]:
        """Read all files of the trials' data sets."""
        distinct = {
            (trial.dataset, trial.resize, trial.image_size, trial.interpolation): trial
            for trial in trials
        }
        for trial in distinct.values():
            try:
                check_readable(spec_of(trial, places), places.data_root)
            except DataError as error:
                yield str(error)

    def read(self, trial: ImageTrial, places: Places, device: str) -> Inputs:
        """Load the splits, resident on the device."""
        splits = self.load_splits(spec_of(trial, places), places.data_root, device)
        return Inputs(
            data=splits,
            sizes=SplitSizes(
                train=len(splits.train), validation=len(splits.validation), test=len(splits.test)
            ),
            fingerprint=fingerprint_with(trial, places, splits.digest),
        )

    def fingerprint(self, trial: ImageTrial, places: Places, inputs: Inputs) -> Fingerprint | None:
        """Digest model code and weights; the images' digest is that of what was read."""
        return fingerprint_with(trial, places, inputs.data.digest)

    def start(
        self, trial: ImageTrial, inputs: Inputs, places: Places, device: str, *, capture: Capture
    ) -> Run:
        """Build model, optimizer and batches."""
        return Training(trial, inputs.data, places, device, capture=capture)

    def calibrate(self, run: Run) -> Calibration:
        """Time some training steps and a batch of evaluation."""
        assert isinstance(run, Training)
        return calibrate(run)

    def rehearse(self, trial: ImageTrial, places: Places, device: str) -> None:
        """Train on one batch of random images, and evaluate."""
        rehearse(trial, places, device)
