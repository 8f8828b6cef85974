"""Whether W&B's server would take the projects, groups, names and tags of the trials' runs."""

from collections.abc import Iterator

from runners.preflight.finding import Finding, refused
from runners.preflight.planned import Planned
from runners.tracking.labels import label_problems

ADVICE = "change the grid's wandb section, or W&B's variable that says it, or --wandb disabled"


def labels(planned: Planned) -> Iterator[Finding]:
    """What the server would refuse: offline too, where it would be said only by the upload."""
    if planned.mode != "disabled":
        for problem in label_problems(planned.sweep, planned.trials):
            yield refused("W&B", problem, ADVICE)
