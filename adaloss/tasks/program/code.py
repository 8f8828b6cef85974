"""How a trial of the user's own program starts."""

import pickle
import time
from collections.abc import Iterable
from contextlib import suppress

import torch

from adaloss.own_code.modules import forget_own_modules
from adaloss.own_code.source_digests import digests_of_files, with_loaded
from adaloss.records.places import Places
from adaloss.records.result import Fingerprint
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.program.function import FunctionReports, find_function, folder_of
from adaloss.tasks.program.gpu_memory import GpuMemory
from adaloss.tasks.program.reaper import Reaper
from adaloss.tasks.program.run import ProgramRun, Reports
from adaloss.tasks.program.script import ScriptReports
from adaloss.tasks.task import Calibration, Inputs, Run
from adaloss.trial import Capture


class ProgramCode:
    """The half of the task that runs programs: see :class:`adaloss.tasks.task.TaskCode`."""

    def __init__(self) -> None:
        self.reaper: Reaper | None = None

    def fetch(self, trials: Iterable[ProgramTrial], places: Places) -> None:
        """A program fetches its data itself."""

    def problems(self, trials: Iterable[ProgramTrial], places: Places) -> Iterable[str]:
        """What a program reads is not known."""
        return ()

    def read(self, trial: ProgramTrial, places: Places, device: str) -> Inputs:
        """Digest the program, which reads its data itself."""
        return Inputs(data=None, sizes=None, fingerprint=fingerprint_with(trial, places, None))

    def fingerprint(
        self, trial: ProgramTrial, places: Places, inputs: Inputs
    ) -> Fingerprint | None:
        """Digest the program again."""
        return fingerprint_with(trial, places, None)

    def start(
        self, trial: ProgramTrial, inputs: Inputs, places: Places, device: str, *, capture: Capture
    ) -> Run:
        """Find the program; it begins when its first report is wanted."""
        if trial.function is not None:
            # In the order in which modules are looked for.
            folders = (*places.own_folders, *folder_of(trial.function[0], places))
            imported = with_loaded({}, folders)
            if imported != digests_of_files(imported, folders):
                # It was edited since an earlier trial in this process.
                forget_own_modules(folders)
        return ProgramRun(trial, self.reports_of(trial, places, device))

    def reports_of(self, trial: ProgramTrial, places: Places, device: str) -> Reports:
        """What the program reports."""
        if trial.function is not None:
            function = find_function(trial, places)
            return FunctionReports(trial, function, places, places.files)
        self.reaper = self.reaper or Reaper()
        return ScriptReports(
            trial,
            places,
            places.files,
            places.captured,
            threads=torch.get_num_threads(),
            reaper=self.reaper,
            gpu=GpuMemory() if device.startswith("cuda") else None,
        )

    def calibrate(self, run: Run) -> Calibration:
        """Time a whole trial: only the program knows how often it reports."""
        started, reports = time.perf_counter(), 0
        with suppress(DivergedError):
            while run.run_epoch() is not None:
                reports += 1
        seconds = time.perf_counter() - started
        return Calibration(
            seconds_per_step=seconds / max(1, reports),
            seconds_per_epoch=seconds,
            checkpoint_bytes=len(pickle.dumps(run.state_dict())),
        )

    def rehearse(self, trial: ProgramTrial, places: Places, device: str) -> None:
        """Import a function; a script is not started for a trial that does not count."""
        if trial.function is not None:
            find_function(trial, places)


CODE = ProgramCode()
