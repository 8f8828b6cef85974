"""Show a sweep in the browser while it runs, or afterwards, from its records alone."""

import contextlib
import io
import time
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from adaloss.tasks.table import common_task
from adaloss.trial import Trial
from runners.tracking.labels import labels_of
from runners.tracking.ledger import Ledger
from runners.tracking.mirror import Mirror
from runners.tracking.trackio_runs import TrackioTarget, fresh_trackio, serve, unique_names

SECONDS_BETWEEN_LOOKS = 2.0
Say = Callable[[str], None]


class WatchError(UserError):
    """The dashboard cannot be shown; the message says why."""


def watch(
    sweep: Sweep,
    store: Store,
    *,
    colours: Mapping[str, str],
    port: int | None,
    browser: bool,
    say: Say,
) -> None:
    """Show the sweep until it is interrupted, each trial's run in its colour by trial id.

    Raises:
        WatchError: another process shows this sweep, or the port is taken.
    """
    folder = store.root / "trackio"
    address = folder / "address"
    store.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(store.root / ".watch.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise WatchError(f"another watch shows {sweep.name}: {read_address(address)}") from None
    with lock:
        # trackio prints a lot to standard output.
        with contextlib.redirect_stdout(io.StringIO()):
            trials = in_cells(sweep)
            labels = [labels_of(sweep, trial) for trial in trials]
            trackio = fresh_trackio(folder, common_task(sweep.trials))
            target = TrackioTarget(trackio, project=sweep.name, names=unique_names(labels))
            mirror = Mirror(sweep, store, target, Ledger(folder, target.name))
            target.list_runs(
                [(one, mirror.config_of(t, None)) for one, t in zip(labels, trials, strict=True)]
            )
            mirror.catch_up(lambda: None)
            try:
                in_order = [colours[t.trial_id] for t in trials if t.trial_id in colours]
                url, stop = serve(target, port, in_order)
            except OSError as error:
                where = "no port is free" if port is None else f"port {port} is taken"
                raise WatchError(f"{where}: name another with --port") from error
            address.write_text(url)
        say(f"{sweep.name}: {url} (stop with Ctrl-C)")
        if browser:
            webbrowser.open(url)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                while not mirror.given_up:
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                    mirror.catch_up(lambda: None)
            stop()
            raise WatchError(f"{sweep.name}: {next(iter(mirror.problems.values()))}")
        except KeyboardInterrupt:
            stop()


def in_cells(sweep: Sweep) -> list[Trial]:
    """The trials, each once, the seeds of a cell one after the other."""
    distinct = {trial.trial_id: trial for trial in sweep.trials}.values()
    cells = {cell: place for place, cell in enumerate(dict.fromkeys(t.cell for t in distinct))}
    return sorted(distinct, key=lambda trial: cells[trial.cell])


def read_address(path: Path) -> str:
    """The address of the other process's dashboard, if it has one yet."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return "it is starting"
