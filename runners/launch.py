"""Run the missing trials of a sweep, with a live view; it can be stopped without losing results."""

from collections.abc import Callable

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.notify.notifier import notified
from runners.notify.observer import AndNotifier
from runners.on_ray.output import printed_to
from runners.on_ray.ray_lost import RayLostError
from runners.pages.progress import duration, watching
from runners.pages.safe_console import SafeConsole
from runners.pages.terminal import agreed, is_attended
from runners.planning import Plan, seconds_per_epoch, seconds_together
from runners.preflight.checks import preflight
from runners.preflight.planned import Planned
from runners.prepare import prepare
from runners.tracking.sync import Mirroring, mirrored
from runners.trials.machine import worker_settings
from runners.trials.packing import measured_memory
from runners.trials.timeline import COMPILE, Timeline

# Ray's own output, if there is any.
RAY_LOG = "ray.log"
# A longer run, by estimate, needs a confirmation.
SECONDS_TO_ASK = 3600


class DeclinedError(UserError):
    """The user declined a long run."""


def get_ready(planned: Planned, plan: Plan, say: Callable[[str], None], *, yes: bool) -> None:
    """Do what comes before anything is recorded: check, ask and download.

    Raises:
        PreflightError: the sweep cannot work on this machine; the message lists all reasons.
        DeclinedError: the user declined a long run.
        UserError: data or weights cannot be downloaded.
    """
    preflight(planned, say)
    if not yes:
        ask_before_a_long_run(plan, planned.trials, planned.workers)
    # A download that fails leaves the copy of the grid that is there.
    prepare(planned.trials, planned.sweep.places)
    planned.store.write_text(planned.store.grid_path, planned.sweep.text)


def launch(
    sweep: Sweep,
    plan: Plan,
    to_run: tuple[Trial, ...],
    store: Store,
    *,
    mirroring: Mirroring,
    notify: str | None,
    compile_results: Callable[[], object],
    timeline: Timeline,
    console: SafeConsole,
    quiet: bool,
) -> bool:
    """Run these of the plan's missing trials, for which all is ready.

    ``notify`` is a command for the sweep's events, in place of the grid's. ``compile_results`` is
    called when they have ended and before the mirror's last look, because
    the mirror uploads the tables. Returns whether so many trials failed that no more were started.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM was received; the running trials have stopped.
        RayStartError, ResourceError: Ray does not start, or lacks a trial's resources.
    """
    say = console.say
    settings = worker_settings(sweep)
    # Imported here, because Ray takes a second to import.
    from runners.on_ray.trials import run_trials

    log = store.root / RAY_LOG
    too_many_failed = False
    with mirrored(sweep, store, mirroring, say) as alert:
        telling = notified(sweep, plan, store, command=notify, alert=alert, say=say)
        with telling as notifier:
            try:
                with (
                    printed_to(log),
                    watching(plan, to_run, sweep.tables[0], console, quiet=quiet) as view,
                ):
                    observer = AndNotifier(view, notifier)
                    measured = measured_memory(plan.trials, plan.results)
                    too_many_failed = run_trials(
                        to_run, store, settings, measured, observer, timeline
                    )
            except RayLostError as lost:
                say(f"{lost}{f' (output of Ray: {log})' if log.exists() else ''}")
                notifier.ended_by(lost)
            with timeline.span(COMPILE):
                compile_results()
    timeline.close()
    if not quiet:
        say(timeline.summary())
        if timeline.path is not None:
            say(f"timeline: {timeline.path} (open it in Perfetto or chrome://tracing)")
    return too_many_failed


def ask_before_a_long_run(plan: Plan, to_run: tuple[Trial, ...], at_a_time: int) -> None:
    """On a terminal, ask for confirmation of a run that takes more than an hour."""
    seconds = seconds_together(to_run, seconds_per_epoch(plan), at_a_time)
    if seconds is None or seconds <= SECONDS_TO_ASK or not is_attended():
        return
    trials, them = ("trial", "it") if len(to_run) == 1 else ("trials", "them")
    if not agreed(f"{len(to_run)} {trials} will take about {duration(seconds)}. Run {them}?"):
        raise DeclinedError("nothing was started")
