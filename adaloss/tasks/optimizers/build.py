"""Build the optimizer of a trial."""

from torch import nn

from adaloss.optim import build_optimizer
from adaloss.optimizer_names import is_named, rate_of
from adaloss.records.places import Places
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.optimizers.named import build_named
from adaloss.tasks.optimizers.paper import PaperOptimizer, TrialOptimizer
from adaloss.tasks.trained_trial import TrainedTrial


def optimizer_of(trial: TrainedTrial, model: nn.Module, places: Places) -> TrialOptimizer:
    """The optimizer that the trial names, for the parameters of its model.

    Raises:
        OptimizerError: a named optimizer does not exist, refuses its arguments, or exchanges its
            weights for evaluation where the trial averages them.
    """
    common = {name: getattr(trial, name) for name in ("lr", "b0", "alpha", "c", "weight_decay")}
    if is_named(trial.optimizer):
        optimizer = build_named(
            trial.optimizer,
            model,
            momentum=trial.momentum,
            rate=rate_of(trial.optimizer, trial.rate),
            hyperparameters=dict(trial.hyperparameters),
            folders=places.own_folders,
            **common,
        )
        if trial.average != "none" and any(p.modes for p in optimizer.protocols):
            raise OptimizerError(
                f"optimizer {trial.optimizer} has weights of its own for evaluation: "
                "write average: none for it"
            )
        return optimizer
    paper = build_optimizer(trial.optimizer, model.parameters(), momentum=trial.momentum, **common)
    return PaperOptimizer(paper)
