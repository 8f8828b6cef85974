"""The compared trials: a grid over optimizer, b0 and seed with the quickstart's other values."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self

FOLDER_VARIABLE = "VERSUS_FOLDER"
SPACE_FILE = "space.json"
OPTIMIZERS: tuple[str, ...] = ("adaloss", "adagrad_norm", "sgd_constant", "sgd_decay_sqrt")
B0: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0)
QUICKSTART_EPOCHS = 8
FIXED: dict[str, Any] = {
    "dataset": "digits",
    "model": "small_cnn",
    "lr": 1.0,
    "batch_size": 32,
    "weight_decay": 1e-4,
    "max_loss": 1e4,
}
GRID = """\
name: versus
parameters:
  dataset: {dataset}
  model: {model}
  optimizer: {optimizer}
  b0: {b0}
  lr: {lr}
  epochs: {epochs}
  batch_size: {batch_size}
  weight_decay: {weight_decay}
seeds: {seeds}
divergence: {{max_loss: {max_loss}}}
resources: {{cpu: 1, gpu: 0}}
execution: {{max_concurrent: {workers}}}
"""


@dataclass(frozen=True, kw_only=True)
class Space:
    """A grid, the epochs per trial, and the number of trials that run at the same time."""

    optimizer: tuple[str, ...]
    b0: tuple[float, ...]
    seed: tuple[int, ...]
    epochs: int
    workers: int

    @property
    def axes(self) -> dict[str, list[Any]]:
        """The fields that vary, with their values."""
        return {"optimizer": [*self.optimizer], "b0": [*self.b0], "seed": [*self.seed]}

    @property
    def points(self) -> Iterator[dict[str, Any]]:
        """All trials, ordered by seed."""
        for seed, b0, optimizer in product(self.seed, self.b0, self.optimizer):
            yield {"optimizer": optimizer, "b0": b0, "seed": seed}

    @property
    def grid(self) -> str:
        """The same trials as a grid file of adaloss-sweep."""
        varying = {"optimizer": [*self.optimizer], "b0": [*self.b0], "seeds": len(self.seed)}
        values = FIXED | varying | {"epochs": self.epochs, "workers": self.workers}
        return GRID.format(**{name: as_yaml(value) for name, value in values.items()})

    def save(self, folder: Path) -> None:
        """Write the space to a file that :meth:`load` reads."""
        (folder / SPACE_FILE).write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the space that :meth:`save` wrote."""
        saved = json.loads((folder / SPACE_FILE).read_text())
        return cls(**{name: without_lists(value) for name, value in saved.items()})


def without_lists(value: Any) -> Any:
    """Convert a list from JSON back to a tuple."""
    return tuple(value) if isinstance(value, list) else value


def as_yaml(value: object) -> str:
    """A value in YAML 1.2: JSON, except that strings have no quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def space_of(trials: int, epochs: int, workers: int) -> Space:
    """A space of this many trials: complete seeds of all cells, or of fewer cells if needed."""
    optimizers, b0 = OPTIMIZERS, B0
    if trials % (len(OPTIMIZERS) * len(B0)):
        b0 = B0[2:3]
        optimizers = OPTIMIZERS if trials % len(OPTIMIZERS) == 0 else OPTIMIZERS[:1]
    seeds = tuple(range(trials // (len(optimizers) * len(b0))))
    return Space(optimizer=optimizers, b0=b0, seed=seeds, epochs=epochs, workers=workers)


def run_folder() -> Path:
    """The folder of the run, also in processes that a tool started in another folder."""
    return Path(os.environ[FOLDER_VARIABLE])
