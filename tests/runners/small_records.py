"""Records as trials leave them, of trials that never ran."""

from epochs import epoch_with

from adaloss.records.result import Divergence, Provenance, TrialResult, TrialState

PROVENANCE = Provenance(
    code_version="v1", python="3.11", packages={}, platform="Linux", device="cpu", threads=1
)


def epoch_of(trial, epoch):
    """An epoch whose accuracy tells the optimizer, b0, the seed and the epoch."""
    better = trial.optimizer == "adaloss"
    accuracy = 80.0 + 5 * better + trial.b0 + trial.seed * (1 + 0.1 * better) + epoch
    return epoch_with(
        epoch=epoch, step=10 * epoch, train_loss=1 / epoch, val_loss=1 / epoch, val_top1=accuracy,
        val_top5=99.0, test_loss=1 / epoch, test_top1=accuracy, test_top5=99.0, b=1.0,
        effective_lr=0.1, examples_per_second=1.0,
    )  # fmt: skip


def finish(store, trial, state):
    """The records of the trial's end."""
    store.open_trial(trial)
    history = [epoch_of(trial, epoch) for epoch in range(1, trial.epochs + 1)]
    for metrics in history:
        store.append_metrics(trial, metrics)
    complete = state is TrialState.COMPLETE
    divergence = Divergence(epoch=2, step=11, loss=1e9, reason="the loss exceeds 10000")
    result = TrialResult(
        trial_id=trial.trial_id,
        state=state,
        epochs=trial.epochs,
        last=history[-1] if complete else None,
        best_val=history[-1] if complete else None,
        divergence=None if complete else divergence,
        seconds=2.0,
        finished_at="2026-03-01T12:00:00+00:00",
        provenance=PROVENANCE,
    )
    store.write_result(trial, result)
