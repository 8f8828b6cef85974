"""Plan and run sweeps, and look at their results, from Python and in notebooks."""

import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from adaloss.errors import UserError
from adaloss.grid.mistakes.wording import as_written
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.api.arguments import naming_arguments, with_arguments
from runners.api.before_run import changed_trials, locked, smoke_store, to_repeat
from runners.api.opening import GridLike, open_results, open_sweep, storage_of
from runners.api.plans import Only, SweepPlan, plain, plan_of, plan_sweep
from runners.api.results import SweepResults, results_of
from runners.api.running import Ran, Request, run_and_compile, specs_for
from runners.api.selection import smoke_trials
from runners.interrupt import ctrl_c_after_imports
from runners.pages.command_lines import results_at
from runners.pages.notebook import NotebookConsole, in_notebook
from runners.pages.safe_console import SafeConsole


class SweepIncompleteError(UserError):
    """Trials failed or are missing, or a file could not be written; ``results`` has the rest."""

    def __init__(self, results: SweepResults) -> None:
        super().__init__("\n".join(results.problems))
        self.results = results


def run(
    grid: GridLike,
    *,
    results_root: str | Path = "results",
    only: Only = None,
    limit: int | None = None,
    smoke: bool | Mapping[str, Any] = False,
    wandb: str | None = None,
    notify: str | None = None,
    quiet: bool = False,
    check: bool = False,
) -> SweepResults:
    """Run the missing trials of a sweep and compile its results, as ``adaloss-sweep run`` does.

    It does the same checks, takes the same lock, and writes the same records and files. It does not
    ask before a long run: look at :func:`plan` first.

    Args:
        grid: A grid file, the name of a shipped grid, a folder of results, or the content of a
            grid file as a dict.
        results_root: The folder or URL below which results are kept (``--storage``).
        only: Only trials with these values: ``{"b0": [0.1, 1], "optimizer": "adaloss"}``.
        limit: Start at most this many trials.
        smoke: A quick test: one seed and two batches, kept in ``smoke`` below ``results_root``. A
            dict has values to change: ``{"pretrained": False}``.
        wandb: W&B mode: auto, online, offline or disabled; by default the grid's.
        notify: A shell command to run at the sweep's end and first failure; by default the grid's.
        quiet: Show no progress.
        check: Raise :class:`SweepIncompleteError` if trials failed or are missing.

    Raises:
        UserError: Nothing has run; the message says why and what to do.
        SweepInterruptedError: Ctrl-C or an interrupted kernel, a ``KeyboardInterrupt``. The trials
            have stopped, and the next call continues.
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit {limit}: must be at least 1")
    # A dict without changes asks for a smoke run, too.
    is_smoke = bool(smoke) or isinstance(smoke, Mapping)
    with running_here() as console:
        sweep, store = open_sweep(grid, storage_of(results_root), console.say)
        trials = sweep.trials
        if is_smoke:
            changes = smoke.items() if isinstance(smoke, Mapping) else ()
            trials = smoke_trials(
                trials, [f"{name}={as_written(plain(value))}" for name, value in changes]
            )
            store = smoke_store(store)
        with locked(sweep, store, console.say):
            stale = changed_trials(plan_of(sweep, trials, only, store), sweep) if is_smoke else ()
            request = Request(
                only=only,
                limit=limit,
                again=stale,
                smoke=is_smoke,
                wandb=wandb,
                notify=notify,
                yes=True,
                quiet=quiet,
            )
            ran = run_and_compile(sweep, trials, store, request, console, how_to_continue)
        return ended(ran, sweep, trials, store, console, quiet=quiet, check=check)


def retry(
    grid: GridLike,
    *,
    results_root: str | Path = "results",
    only: Only = None,
    failed: bool = False,
    diverged: bool = False,
    changed: bool = False,
    wandb: str | None = None,
    notify: str | None = None,
    quiet: bool = False,
    check: bool = False,
) -> SweepResults:
    """Run failed, diverged or changed trials again, as ``adaloss-sweep retry`` does.

    Their records are moved to ``attempts`` of the results when they are about to start. Missing
    trials run after them.

    Args:
        grid: As in :func:`run`.
        results_root: As in :func:`run`.
        only: As in :func:`run`.
        failed: Failed trials; the default if no kind is asked for.
        diverged: Diverged trials.
        changed: Trials whose own code or data has changed.
        wandb: As in :func:`run`.
        notify: As in :func:`run`.
        quiet: As in :func:`run`.
        check: As in :func:`run`.

    Raises:
        UserError: There is no such trial, or nothing has run for another reason.
        SweepInterruptedError: As :func:`run`.
    """
    with running_here() as console:
        sweep, store = open_sweep(grid, storage_of(results_root), console.say)
        with locked(sweep, store, console.say):
            again = to_repeat(sweep, only, store, failed=failed, diverged=diverged, changed=changed)
            request = Request(
                only=only, again=again, wandb=wandb, notify=notify, yes=True, quiet=quiet
            )
            ran = run_and_compile(sweep, sweep.trials, store, request, console, how_to_continue)
        return ended(ran, sweep, sweep.trials, store, console, quiet=quiet, check=check)


def plan(
    grid: GridLike,
    *,
    results_root: str | Path = "results",
    only: Only = None,
    calibrate: bool = False,
) -> SweepPlan:
    """Plan a sweep, as ``adaloss-sweep plan`` does: trials by state, time, disk, licences.

    Args:
        grid: As in :func:`run`.
        results_root: As in :func:`run`.
        only: As in :func:`run`.
        calibrate: Time a few steps of each model on this machine.

    Raises:
        UserError: The grid has mistakes, or ``only`` names no trial.
    """
    with naming_arguments(), hidden_main():
        sweep, store = open_sweep(grid, storage_of(results_root), say)
        planned = plan_sweep(sweep, store, only, calibrate=calibrate)
        return replace(planned, lines=tuple(map(with_arguments, planned.lines)))


def results(grid: GridLike, *, results_root: str | Path = "results") -> SweepResults:
    """The results that a sweep has so far, also while it runs.

    Args:
        grid: A folder or URL of results such as ``results/quickstart``, or a grid as in
            :func:`run`.
        results_root: As in :func:`run`.

    Raises:
        UserError: There are no results.
    """
    with naming_arguments():
        sweep, store = open_results(grid, storage_of(results_root), say)
        return results_of(sweep, sweep.trials, store, sweep.tables)


def say(line: str) -> None:
    """Print a line."""
    print(line, file=sys.stderr)


@contextmanager
def running_here() -> Iterator[SafeConsole]:
    """What a run in the user's Python needs; yields the console that it prints to.

    Raises:
        UserError: a sweep cannot run here, or is refused inside.
    """
    refuse_here()
    console = NotebookConsole() if in_notebook() else SafeConsole(stderr=True)
    with naming_arguments(), ctrl_c_after_imports(), hidden_main(), warnings.catch_warnings():
        # Libraries import tqdm, which in a notebook warns that a widget is missing.
        warnings.filterwarnings("ignore", "IProgress not found")
        yield console


def ended(
    ran: Ran,
    sweep: Sweep,
    trials: tuple[Trial, ...],
    store: Store,
    console: SafeConsole,
    *,
    quiet: bool,
    check: bool,
) -> SweepResults:
    """The results of a run that has ended; unless ``quiet``, it says how far the sweep is.

    Raises:
        SweepIncompleteError: with ``check``, if it is not complete.
    """
    problems = tuple(problems_of(ran))
    results = results_of(sweep, trials, store, specs_for(sweep, trials), problems)
    if not quiet:
        now = f"{ran.ended_now} ran now. Results: {results_at(store)}"
        console.say(f"{ran.after.done_so_far}; {now}")
        for problem in problems:
            console.say(problem)
    if check and problems:
        raise SweepIncompleteError(results)
    return results


def how_to_continue() -> str:
    """How a run that was stopped continues."""
    return "Call run again to continue"


def problems_of(ran: Ran) -> Iterator[str]:
    """Why a run is not complete, in sentences."""
    counts = ran.after.counts()
    if counts["failed"]:
        yield (f"{counts['failed']} failed: the results show why; call retry to run them again")
    if counts["missing"]:
        yield f"{counts['missing']} missing: call run again to continue"
    for failed in ran.compiled.unwritten:
        yield f"not written: {failed.output}: {failed.reason}"


def refuse_here() -> None:
    """Refuse a sweep where Ray or Ctrl-C would not work.

    Raises:
        UserError: this is not the main thread, or the user's program uses Ray itself.
    """
    if threading.current_thread() is not threading.main_thread():
        raise UserError(
            "run works in the main thread only, because Ctrl-C could not stop a sweep elsewhere: "
            "call it there, or start the command `adaloss-sweep run`"
        )
    ray = sys.modules.get("ray")
    if ray is None:
        return
    if ray.is_initialized():
        raise UserError(
            "Ray already runs in this Python process (ray.init), and a sweep starts its own: call "
            "ray.shutdown() first, or start the command `adaloss-sweep run`"
        )
    if "runners.on_ray" not in sys.modules:
        raise UserError(
            "this Python process has imported Ray, which no longer accepts the settings of a "
            "sweep: restart it (in a notebook the kernel) and call run before `import ray`, or "
            "start the command `adaloss-sweep run`"
        )


@contextmanager
def hidden_main() -> Iterator[None]:
    """Hide the user's script or notebook from the processes that are started inside.

    They would execute a script again that has no ``if __name__ == "__main__"``, and Ray would put
    its folder on the workers' path.
    """
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before
