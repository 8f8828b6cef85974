"""A dashboard on this machine, for those without an account: the only module that uses trackio."""

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from adaloss.records.result import EpochMetrics, TrialState
from adaloss.tasks.metrics import METRICS
from adaloss.tasks.task import Task
from runners.tracking.labels import Labels

# The axis, and measurements that do not depend on the optimizer.
NOT_DRAWN = {"epoch", "step", *(name for name, metric in METRICS.items() if metric.timed)}


@dataclass(frozen=True)
class TrackioTarget:
    """Each trial is a run in trackio's database below ``folder``, which is rebuilt each time.

    Nothing leaves the machine. Rebuilding takes about twenty milliseconds a trial and needs no
    state. ``names`` has a unique name for each trial's run; ``opened`` are the runs that have had
    epochs.
    """

    trackio: ModuleType
    project: str
    names: Mapping[str, str]
    opened: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The target's name in the ledger."""
        return "trackio"

    @property
    def at_once(self) -> int:
        """One: the target is limited by the processor."""
        return 1

    def where(self, labels: Labels) -> str:
        """The target's project."""
        return self.project

    def open(self, labels: Labels, config: Mapping[str, Any]) -> "TrackioRun":
        """Continue the trial's run of the list, without the epochs of an earlier attempt."""
        if labels.run_id in self.opened:
            self.forget_epochs(self.names[labels.run_id])
        self.opened.add(labels.run_id)
        return self.begin(labels, config)

    def begin(self, labels: Labels, config: Mapping[str, Any]) -> "TrackioRun":
        """Begin the trial's run, or continue it."""
        # In a separate context: trackio ends the run of an earlier init in the same context.
        run = copy_context().run(
            self.trackio.init,
            project=self.project,
            name=self.names[labels.run_id],
            group=labels.group,
            config=flat(config),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        return TrackioRun(run)

    def list_runs(self, runs: Sequence[tuple[Labels, Mapping[str, Any]]]) -> None:
        """Make every run, without a number yet, so that each has and keeps its place in the list.

        Trackio colours a run by its place, the newest first.
        """
        for labels, config in reversed(runs):
            run = self.begin(labels, config).run
            run.log({}, step=0)
            run.finish()

    def forget_epochs(self, name: str) -> None:
        """Delete a run's epochs; its line without a number keeps its place in the list.

        Trackio itself deletes only whole runs.
        """
        database = self.trackio.sqlite_storage.SQLiteStorage.get_project_db_path(self.project)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM metrics WHERE run_name = ? AND step > 0", (name,))

    def put_files(
        self, labels: Labels, files: Mapping[str, Path], numbers: Mapping[str, Any], figure: str
    ) -> None:
        """Nothing: the files lie on this machine."""


@dataclass(frozen=True)
class TrackioRun:
    """A run of trackio that is open."""

    run: Any

    @property
    def next_epoch(self) -> int:
        """The first: what the run had is deleted."""
        return 0

    @property
    def folder(self) -> Path | None:
        """None, because all runs share a database."""
        return None

    @property
    def url(self) -> str | None:
        """None, because the dashboard has one address for all runs."""
        return None

    def log(self, metrics: EpochMetrics) -> None:
        """Log one epoch, which is the step."""
        record = metrics.line()
        drawn = {name: value for name, value in record.items() if name not in NOT_DRAWN}
        self.run.log({name: v for name, v in drawn.items() if v is not None}, step=metrics.epoch)

    def finish(
        self, state: TrialState, summary: Mapping[str, Any], config: Mapping[str, Any], log: Path
    ) -> None:
        """End the run; a diverged or failed run logs its state as a metric."""
        if state is not TrialState.COMPLETE:
            self.run.log({state.value: 1}, step=summary["epochs"] + 1)
        self.run.finish()


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without nested values, which the run table cannot show."""
    return {name: value for name, value in config.items() if not isinstance(value, dict)}


def plot_order(task: Task) -> tuple[str, ...]:
    """The order of the plots: the reported metric and its group, and so on through the curves."""
    chosen_by = (task.chosen_by,) if task.chosen_by else ()
    first = [(name, group_of(name)) for name in (task.reported, *chosen_by)]
    rest = [(group_of(name),) for name in task.curves]
    return tuple(dict.fromkeys(name for names in (*first, *rest) for name in names))


def group_of(metric: str) -> str:
    """The pattern of all metrics with the same prefix; a metric without a prefix is its own."""
    prefix, slash, _ = metric.rpartition("/")
    return f"{prefix}/*" if slash else metric


def fresh_trackio(folder: Path, task: Task) -> ModuleType:
    """Trackio on an empty database in this folder, cut off from any network."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # trackio reads these variables when it is imported.
    os.environ |= {
        "TRACKIO_DIR": str(folder.resolve()),
        "TRACKIO_PLOT_ORDER": ",".join(plot_order(task)),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    import trackio

    module: ModuleType = trackio
    return module


def unique_names(labels: Iterable[Labels]) -> dict[str, str]:
    """A unique name for each trial's run by its id: repeated names get the id appended."""
    all_labels = list(labels)
    counts = Counter(one.name for one in all_labels)
    return {
        one.run_id: one.name if counts[one.name] == 1 else f"{one.name} ({one.run_id})"
        for one in all_labels
    }


def serve(
    target: TrackioTarget, port: int | None, colours: Sequence[str]
) -> tuple[str, Callable[[], None]]:
    """Start the dashboard's server on the loopback; return its address and a function to stop it.

    ``colours`` are the runs' colours in the order of their list; empty for trackio's own.
    """
    app, url, _, _ = target.trackio.show(
        project=target.project,
        open_browser=False,
        block_thread=False,
        host="127.0.0.1",
        server_port=port,
        share=False,
        color_palette=list(colours) or None,
    )
    return f"{url.rstrip('/')}/?project={target.project}&smoothing=0", app.close
