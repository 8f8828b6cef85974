"""A program in a folder, and its trials."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

from adaloss.execution import Execution, ExecutionSettings
from adaloss.records.places import Places
from adaloss.records.result import EpochMetrics, Provenance, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.program.code import ProgramCode
from adaloss.tasks.program.environment import READS_FILE, wandb_environment
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.program.wandb_file import FolderReader
from adaloss.tasks.program.wandb_records import Row


@dataclass
class Programs:
    """Programs of a folder, and where their trials are recorded."""

    folder: Path
    store: Store
    code: ProgramCode

    def write(self, name: str, text: str) -> None:
        """Write a file of the user's."""
        (self.folder / name).write_text(textwrap.dedent(text))

    def trial(self, program: str, metric: str = "loss", **fields: Any) -> ProgramTrial:
        """A trial of a program."""
        return ProgramTrial.model_validate(
            {"task": "program", "program": program, "metric": metric, "seed": 0, **fields}
        )

    def start(self, trial: ProgramTrial, **settings: Any) -> Execution:
        """An execution of the trial."""
        usual: dict[str, Any] = {
            "places": Places(data_root=self.folder, own=(self.folder,)),
            "device": "cpu",
            "threads": 1,
            "timeout": None,
            "checkpoint_interval": 60.0,
            "keep_checkpoints": False,
        }
        provenance = Provenance(
            code_version="0", python="3", packages={}, platform="here", device="cpu", threads=1
        )
        return Execution(
            trial, self.store, ExecutionSettings(**(usual | settings)), self.code, provenance
        )

    def run(self, trial: ProgramTrial, **settings: Any) -> TrialResult:
        """Run the trial to its end."""
        execution = self.start(trial, **settings)
        while execution.advance() is not None:
            pass
        assert execution.result is not None
        return execution.result

    def history(self, trial: ProgramTrial) -> tuple[EpochMetrics, ...]:
        """What the trial has recorded."""
        return self.store.read_metrics(trial)

    def log(self, trial: ProgramTrial) -> str:
        """What the trial has printed."""
        return self.store.log_path(trial).read_text()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Programs in a folder of their own; modules of other tests' folders are forgotten."""
    for name in ("mine", "broken", "other", "beside"):
        sys.modules.pop(name, None)
    folder = tmp_path / "own"
    folder.mkdir()
    code = ProgramCode()
    yield Programs(folder, Store(tmp_path / "results" / "sweep"), code)
    if code.reaper is not None:
        code.reaper.close()


class Trial:
    """Runs scripts in a folder, as a trial does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = dict(os.environ)

    def run(self, script: str, *arguments: str, **parameters: object) -> Any:
        path = self.folder / "script.py"
        path.write_text(script)
        environment = wandb_environment(self.folder, "trial-1", parameters, self.base)
        return subprocess.run(
            [sys.executable, str(path), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def reads(self) -> list[dict[str, Any]]:
        lines = (self.folder / READS_FILE).read_text().splitlines()
        assert len(lines) == len(set(lines))
        return [json.loads(line) for line in lines]

    def rows(self) -> list[Row]:
        return FolderReader(self.folder).new_rows()


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)
