"""Runs a sweep's trials in this process: the worker, the queue and the ends, without Ray.

Ray takes ten seconds of processor time for each sweep; what it adds is tested in ``on_ray``.
"""

from adaloss.records.result import Failure, TrialResult
from runners.trials.ends import TrialEnds
from runners.trials.queue import Capacity, TrialQueue
from runners.trials.worker import Worker


def run_trials(trials, store, settings, measured, observer, timeline):
    """In the place of ``runners.on_ray.trials.run_trials``: one trial at a time."""
    capacity = Capacity(cpus=1, gpus=0, cpus_per_trial=settings.cpus, gpus_per_trial=0)
    queue = TrialQueue(
        trials, capacity, measured, retries=settings.retries, max_failed=settings.max_failed
    )
    ends = TrialEnds(queue=queue, store=store, observer=observer, timeout=settings.timeout)
    worker = Worker()
    timeline.places = 1
    with timeline.span("trials"):
        while not queue.exhausted:
            start = queue.start_next()
            assert start is not None, "no trial waits for a retry, which would take seconds"
            if start.trial.worker_kind != worker.kind or worker.is_used_up:
                worker = Worker()
            run_one(start.trial, worker, store, settings, ends, observer, timeline)
    return queue.fuse_blown


def run_one(trial, worker, store, settings, ends, observer, timeline):
    configuration = {
        "trial": trial.model_dump_json(),
        "store": str(store.root.resolve()),
        "share": {"cpu": 1, "gpu": 0},
        "execution": {
            "places": settings.places,
            "device": "cpu",
            "threads": settings.cpus,
            "timeout": None,
            "checkpoint_interval": settings.checkpoint_interval,
            "keep_checkpoints": settings.keep_checkpoints,
            "capture": settings.capture,
        },
    }
    observer.trial_started(trial)
    report = {}
    while not report.get("done"):
        report = worker.step(configuration)
        if "epoch" in report:
            observer.epoch_ended(trial, report["epoch"], report["loss"])
        if "end" in report:
            ends.reported(trial, TrialResult.model_validate_json(report["end"]))
        if "broken" in report:
            ends.lost(trial, Failure.model_validate_json(report["broken"]))
        if "spans" in report:
            timeline.worked(report["worker"], trial.readable_name, report["spans"])
