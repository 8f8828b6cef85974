"""How trials of text classification read their data, start and are timed."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import torch

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.records.result import Fingerprint, SplitSizes
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.task import Calibration, Inputs, Run, timed
from adaloss.tasks.text.fields import TextTrial
from adaloss.tasks.text.files import fetch
from adaloss.tasks.text.published import TEXT_DATASETS
from adaloss.tasks.text.splits import Examples, Splits, load_splits, spec_of
from adaloss.tasks.text.training import Training
from adaloss.trial import Capture

# Trials of a sweep alternate between a few data sets at most.
DATA_SETS_IN_MEMORY = 4
REHEARSED = 8


class TextCode:
    """The heavy half of the task: see :class:`adaloss.tasks.task.TaskCode`."""

    def __init__(self) -> None:
        self.load_splits = lru_cache(maxsize=DATA_SETS_IN_MEMORY)(load_splits)

    def fetch(self, trials: Iterable[TextTrial], places: Places) -> None:
        """Download the data sets that are missing, and see that each can be read and split."""
        trials = tuple(trials)
        for name in dict.fromkeys(trial.dataset for trial in trials):
            if name in TEXT_DATASETS:
                fetch(name, places.data_root)
        for spec in dict.fromkeys(spec_of(trial, places) for trial in trials):
            load_splits(spec, places.data_root, "cpu")

    def problems(self, trials: Iterable[TextTrial], places: Places) -> Iterator[str]:
        """Read all texts of the trials' data sets."""
        for trial in {trial.dataset: trial for trial in trials}.values():
            try:
                load_splits(spec_of(trial, places), places.data_root, "cpu")
            except DataError as error:
                yield str(error)

    def read(self, trial: TextTrial, places: Places, device: str) -> Inputs:
        """Load the splits, resident on the device."""
        splits = self.load_splits(spec_of(trial, places), places.data_root, device)
        return Inputs(
            data=splits,
            sizes=SplitSizes(
                train=len(splits.train), validation=len(splits.validation), test=len(splits.test)
            ),
            fingerprint=fingerprint_with(trial, places, splits.digest),
        )

    def fingerprint(self, trial: TextTrial, places: Places, inputs: Inputs) -> Fingerprint | None:
        """Digest the user's own optimizer; the texts' digest is that of what was read."""
        return fingerprint_with(trial, places, inputs.data.digest)

    def start(
        self, trial: TextTrial, inputs: Inputs, places: Places, device: str, *, capture: Capture
    ) -> Run:
        """Build model and optimizer."""
        return Training(trial, inputs.data, places, device)

    def calibrate(self, run: Run) -> Calibration:
        """Time an epoch."""
        return timed(run)

    def rehearse(self, trial: TextTrial, places: Places, device: str) -> None:
        """Train on a few random words, or on the digits, which are installed."""
        if trial.dataset == "digits":
            small = trial.made_small()
            digits = load_splits(spec_of(small), places.data_root, device)
            Training(small, digits, places, device).run_epoch()
            return
        generator = torch.Generator().manual_seed(0)
        size = (REHEARSED, trial.length)
        part = Examples(
            inputs=torch.randint(trial.vocabulary, size, generator=generator).to(device),
            lengths=torch.full((REHEARSED,), trial.length, device=device),
            labels=(torch.arange(REHEARSED, device=device) % 2),
        )
        splits = Splits(train=part, validation=part, test=part, classes=2)
        Training(trial, splits, places, device).run_epoch()


CODE = TextCode()
