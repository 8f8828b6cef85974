"""Run one trial in this process with its output on the terminal: for debugging, without Ray."""

from adaloss.execution import Execution, ExecutionSettings
from adaloss.grid.sweep import Sweep
from adaloss.records.provenance import collect_provenance
from adaloss.records.store import Store
from adaloss.tasks.table import task_of
from adaloss.trial import Trial
from runners.calibrate import device_here
from runners.trials.machine import cpus_per_trial


def execute_here(trial: Trial, sweep: Sweep, store: Store) -> None:
    """Run the trial, on a GPU if there is one; its records are the same as with Ray."""
    wants_gpu = sweep.grid.resources.gpu != 0
    settings = ExecutionSettings(
        places=sweep.places,
        device=device_here() if wants_gpu else "cpu",
        threads=cpus_per_trial(sweep),
        timeout=None,
        checkpoint_interval=sweep.grid.execution.checkpoint_interval,
        keep_checkpoints=sweep.grid.execution.keep_checkpoints,
        capture=sweep.grid.execution.capture,
        log_output=False,
    )
    provenance = collect_provenance(settings.device, settings.threads)
    execution = Execution(trial, store, settings, task_of(trial).load(), provenance)
    while execution.advance() is not None:
        pass
