"""Write synthetic records of a sweep's trials, for benchmarks."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from adaloss.records.result import Divergence, EpochMetrics, Provenance, TrialResult, TrialState
from adaloss.records.store import METRICS_FILE, RESULT_FILE, TRIAL_FILE, Store
from adaloss.trial import Trial

PROVENANCE = Provenance(
    code_version="0.0+synthetic",
    python="3.11.2",
    packages={"torch": "2.15.0", "timm": "1.0.22"},
    platform="Linux",
    device="cpu",
    threads=1,
)
SHARE_DIVERGED = 0.02


def write_records(trials: Sequence[Trial], store: Store, generator: np.random.Generator) -> None:
    """Write each trial's folder with configuration, history and result; 2 % have diverged."""
    for trial in trials:
        folder = store.trial_folder(trial)
        folder.mkdir(parents=True)
        history = tuple(epochs_of(trial, generator))
        configuration = trial.model_dump() | {"trial_id": trial.trial_id}
        write(folder / TRIAL_FILE, json.dumps(configuration, indent=2) + "\n")
        write(folder / METRICS_FILE, "".join(e.model_dump_json() + "\n" for e in history))
        diverged = generator.random() < SHARE_DIVERGED
        result = result_of(trial, history, diverged=diverged)
        write(folder / RESULT_FILE, result.model_dump_json(indent=2) + "\n")


def write(path: Path, text: str) -> None:
    """Write a new file directly: no other process reads it yet."""
    path.write_text(text)


def epochs_of(trial: Trial, generator: np.random.Generator) -> Iterator[EpochMetrics]:
    """Epochs with a falling loss and a rising accuracy, with noise."""
    noise = generator.normal(size=(trial.values["epochs"], 3))
    for index, (first, second, third) in enumerate(noise.tolist()):
        loss = 2.3 * 0.7**index
        accuracy = 100 * (1 - 0.7 ** (index + 1))
        yield EpochMetrics(
            epoch=index + 1,
            step=40 * (index + 1),
            values={
                "train/loss": loss * (1 + 0.02 * first),
                "val/loss": loss * (1 + 0.03 * second),
                "val/top1": accuracy + second / 2,
                "val/top5": min(100.0, accuracy + 10),
                "test/loss": loss * (1 + 0.03 * third),
                "test/top1": accuracy + third / 2,
                "test/top5": min(100.0, accuracy + 10),
                "b": trial.values["b0"] + index,
                "effective_lr": trial.values["lr"] / (trial.values["b0"] + index),
                "examples_per_second": 1000.0,
            },
            seconds=0.1,
        )


def result_of(trial: Trial, history: Sequence[EpochMetrics], *, diverged: bool) -> TrialResult:
    """The result of the trial."""
    divergence = Divergence(
        epoch=trial.values["epochs"], step=1, loss=1e5, reason="the loss exceeds 10000"
    )
    return TrialResult(
        trial_id=trial.trial_id,
        state=TrialState.DIVERGED if diverged else TrialState.COMPLETE,
        epochs=trial.values["epochs"],
        last=None if diverged else history[-1],
        best_val=None if diverged else history[-1],
        divergence=divergence if diverged else None,
        seconds=0.1 * trial.values["epochs"],
        finished_at="2026-01-01T00:00:00+00:00",
        provenance=PROVENANCE,
    )
