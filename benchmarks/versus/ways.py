"""The compared ways of running the trials, by name."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from outcomes import Outcome, recorded_outcomes, written_outcomes
from space import Space

HERE = Path(__file__).parent
OURS, OURS_OFFLINE = "ours", "ours-offline"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A command that runs a space in the current folder, and a function that reads its outcomes.

    ``packages`` are the distributions that the command needs. ``records`` is what is on disk of
    each trial, ``resume`` how an interrupted sweep goes on, and ``tables`` what the results become,
    with what the tool offers and no further code.
    """

    title: str
    records: str
    resume: str
    tables: str
    command: Callable[[Space], list[str]]
    packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    outcomes: Callable[[Path], list[Outcome]] = written_outcomes

    @property
    def not_installed(self) -> list[str]:
        """The packages that are not installed."""
        return [name for name in self.packages if version_of(name) is None]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A minimum or maximum of the ratio of the wall times of ``way`` and ``to``."""

    way: str
    to: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, ratio: float) -> bool:
        """Whether the ratio of the wall times meets the aim."""
        return (self.at_least is None or ratio >= self.at_least) and (
            self.at_most is None or ratio <= self.at_most
        )

    def __str__(self) -> str:
        limit = f"≥ {self.at_least:g}" if self.at_least else f"≤ {self.at_most:g}"
        return f"{limit} × {WAYS[self.to].title}"


def version_of(package: str) -> str | None:
    """The version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def script(name: str, *arguments: str) -> Callable[[Space], list[str]]:
    """The command of a script in this folder that loads the space."""
    return lambda space: [sys.executable, str(HERE / name), *arguments]


def adaloss_sweep(wandb: str) -> Callable[[Space], list[str]]:
    """The command of adaloss-sweep."""
    arguments = ["run", "grid.yaml", "--yes", "--wandb", wandb]
    return lambda space: [sys.executable, "-m", "runners", *arguments]


def shell_loop(space: Space) -> list[str]:
    """The command of the shell loop; each axis is an argument."""
    axes = (" ".join(map(str, values)) for values in space.axes.values())
    return ["bash", str(HERE / "process_per_trial.sh"), str(space.workers), *axes]


def hydra_multirun(space: Space) -> list[str]:
    """The command of Hydra; each axis is an override."""
    axes = (f"{name}={','.join(map(str, values))}" for name, values in space.axes.items())
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={space.workers}"]
    return [sys.executable, str(HERE / "hydra_joblib.py"), "--multirun", *launcher, *axes]


OUR_RECORDS = "each epoch, settings, environment, checkpoint"
OUR_RESUME = "from the last epoch"
OUR_TABLES = "mean ± std, tests, figures, report"
RAY_RECORDS = "each epoch and settings"
RAY_RESUME = "with `Tuner.restore`; interrupted trials from their start"
RAY_TABLES = "a data frame"
# Offline, W&B needs no key and no server.
OFFLINE = {"WANDB_MODE": "offline"}
WAYS: dict[str, Way] = {
    OURS: Way(
        title="adaloss-sweep",
        records=OUR_RECORDS,
        resume=OUR_RESUME,
        tables=OUR_TABLES,
        command=adaloss_sweep("disabled"),
        packages=("ray",),
        outcomes=recorded_outcomes,
    ),
    OURS_OFFLINE: Way(
        title="adaloss-sweep, W&B offline",
        records=f"{OUR_RECORDS}; W&B runs",
        resume=OUR_RESUME,
        tables=OUR_TABLES,
        command=adaloss_sweep("offline"),
        packages=("ray", "wandb"),
        outcomes=recorded_outcomes,
    ),
    "joblib": Way(
        title="joblib alone",
        records="none",
        resume="no",
        tables="no",
        command=script("bare_joblib.py"),
        packages=("joblib",),
    ),
    "optuna-processes": Way(
        title="Optuna GridSampler, processes",
        records="final value and settings, in a journal",
        resume="with the trials that had not ended",
        tables="a data frame",
        command=script("optuna_processes.py"),
        packages=("optuna",),
    ),
    "optuna-threads": Way(
        title="Optuna GridSampler, n_jobs (threads)",
        records="none (in memory)",
        resume="no",
        tables="a data frame",
        command=script("optuna_threads.py"),
        packages=("optuna",),
    ),
    "hydra": Way(
        title="Hydra multirun, joblib launcher",
        records="settings and log",
        resume="no",
        tables="no",
        command=hydra_multirun,
        packages=("hydra-core", "hydra-joblib-launcher"),
    ),
    "xargs": Way(
        title="a process per trial, xargs -P",
        records="none (in the terminal)",
        resume="no",
        tables="no",
        command=shell_loop,
    ),
    "ray": Way(
        title="Ray Tune, function trainable",
        records=RAY_RECORDS,
        resume=RAY_RESUME,
        tables=RAY_TABLES,
        command=script("ray_tune.py"),
        packages=("ray",),
    ),
    "ray-wandb": Way(
        title="Ray Tune, WandbLoggerCallback offline",
        records=f"{RAY_RECORDS}; W&B runs",
        resume=RAY_RESUME,
        tables=RAY_TABLES,
        command=script("ray_tune.py", "--wandb"),
        packages=("ray", "wandb"),
        environment=OFFLINE,
    ),
}
# The callback of W&B is compared with adaloss-sweep offline.
AIMS = (
    Aim(way="xargs", to=OURS, at_least=5),
    Aim(way="ray", to=OURS, at_least=5),
    Aim(way="ray-wandb", to=OURS_OFFLINE, at_least=10),
    Aim(way="hydra", to=OURS, at_least=3),
    Aim(way="optuna-processes", to=OURS, at_least=1.5),
    Aim(way=OURS, to="joblib", at_most=1.25),
    Aim(way=OURS_OFFLINE, to="joblib", at_most=1.35),
)
