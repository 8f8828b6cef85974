"""Whether the user's own code can be trained: each is tried once, on a few random examples."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from adaloss.errors import DataError
from adaloss.own_code.fresh_process import ProcessEndedError, in_fresh_process
from adaloss.own_code.modules import find_own_module
from adaloss.records.places import Places
from adaloss.tasks.fingerprints import own_of
from adaloss.tasks.table import task_of
from adaloss.trial import Trial
from runners.pages.own_frames import own_frames
from runners.preflight.finding import Finding, fine, refused, warning
from runners.preflight.planned import Planned
from runners.trials.machine import cpus_of_this_machine, cpus_per_trial

# In seconds, for sweeps without a timeout.
LONGEST = 300.0


def rehearsals(planned: Planned) -> Iterator[Finding]:
    """Train and evaluate each model that has to be tried.

    Each runs in its own process, so that a model's code can affect nothing else.
    """
    places, limit = planned.sweep.places, planned.sweep.grid.execution.timeout or LONGEST
    kinds: dict[tuple[object, ...], Trial] = {}
    for trial in planned.trials:
        if trial.to_be_tried:
            kinds.setdefault(kind_of(trial), trial)
    tried = [trial for trial in kinds.values() if is_all_there(trial, places)]
    on_gpus = planned.sweep.grid.resources.gpu != 0
    # On a cluster there are workers beside those of this machine.
    here = max(1, cpus_of_this_machine() // cpus_per_trial(planned.sweep))
    with ThreadPoolExecutor(min(planned.workers, here)) as threads:
        yield from threads.map(lambda trial: rehearsal(trial, places, limit, on_gpus), tried)


def is_all_there(trial: Trial, places: Places) -> bool:
    """Whether the user's own files of the trial exist; other checks report missing ones."""
    own = own_of(trial)
    for field in {"model", "optimizer"} & own.keys():
        if not find_own_module(own[field].partition(":")[0], places.own_folders):
            return False
    if "pretrained" in own and places.own_path(own["pretrained"]) is None:
        return False
    known = task_of(trial).data
    if known is not None and "dataset" in own:
        try:
            known.find_own(own["dataset"], places)
        except DataError:
            return False
    return True


def kind_of(trial: Trial) -> tuple[object, ...]:
    """The fields that decide whether two trials need separate attempts."""
    return (
        *trial.code_kind,
        *(value for name, value in trial.values.items() if name not in trial.SAME_CODE),
    )


def rehearsal(trial: Trial, places: Places, limit: float, on_gpus: bool) -> Finding:
    """Try one trial's code, for at most ``limit`` seconds."""
    known = task_of(trial).data
    shortly = f"on a few {known.examples}" if known else "for a few steps"
    tried = trial.tried
    # Only the other process imports torch, which takes seconds.
    try:
        trouble = in_fresh_process(tried_here, trial, places, on_gpus, limit=limit)
    except TimeoutError:
        found = f"building {tried} and training it {shortly} took over {limit:g} s"
        return warning("model", found, "its trials may take very long, or hang")
    except ProcessEndedError as error:
        why = f"{error} while it was built and trained {shortly}"
        return refused("model", f"{tried}: {why}", "check its code")
    if trouble is None:
        return fine("model", f"{tried} was built and trained {shortly}")
    message, traceback = trouble
    frames = "".join(f"\n    {frame}" for frame in own_frames(traceback))
    advice = f"every trial with it would fail{frames}"
    return refused("model", f"{tried} failed when it was trained {shortly}: {message}", advice)


def tried_here(trial: Trial, places: Places, on_gpus: bool) -> tuple[str, str] | None:
    """Runs in its own process: the message and the traceback of the first problem."""
    from adaloss.tasks.rehearsal import rehearse
    from runners.calibrate import device_here

    trouble = rehearse(trial, places, device_here() if on_gpus else "cpu")
    return (trouble.message, trouble.traceback) if trouble else None
