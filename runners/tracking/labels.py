"""How a trial appears in W&B: project, group, name and tags, filled in from the grid."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import Formatter

from adaloss.errors import UserError
from adaloss.grid.mistakes.wording import as_written
from adaloss.grid.sweep import Sweep
from adaloss.trial import Trial

# The server's limits; offline, only the later upload would report a violation.
LONGEST_TAG = 64
LONGEST_GROUP = 128
LONGEST_NAME = 128
PROJECT_REFUSES = "/\\#?%:"
DEFAULT_PROJECT = "adaloss"


class LabelError(UserError):
    """W&B's server would refuse a label; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A trial's run in W&B without its numbers; its run id is the trial id."""

    run_id: str
    project: str
    entity: str | None
    group: str
    job_type: str
    name: str
    tags: tuple[str, ...]
    notes: str | None


def labels_of(sweep: Sweep, trial: Trial) -> Labels:
    """The trial's labels: its cell is the group, what it compares the job type.

    Keys that the grid omits are taken from W&B's environment variables.
    """
    section = sweep.grid.wandb

    def filled(template: str | None) -> str | None:
        return None if template is None else fill(template, sweep.name, trial)

    return Labels(
        run_id=trial.trial_id,
        project=filled(section.project or sweep.grid.project)
        or os.environ.get("WANDB_PROJECT")
        or DEFAULT_PROJECT,
        entity=filled(section.entity or sweep.grid.entity) or os.environ.get("WANDB_ENTITY"),
        group=filled(section.group)
        or os.environ.get("WANDB_RUN_GROUP")
        or fitting(cell_name(sweep, trial), LONGEST_GROUP),
        job_type=trial.compared,
        name=filled(section.name) or trial.readable_name,
        tags=(
            *(fill(tag, sweep.name, trial) for tag in section.tags),
            tag_of(sweep),
            *tags_of_the_environment(),
        ),
        notes=filled(section.notes) or os.environ.get("WANDB_NOTES"),
    )


def labels_of_sweep(sweep: Sweep) -> Labels:
    """The labels of the sweep's own run, which has its files: in the first trial's project."""
    first = labels_of(sweep, sweep.trials[0])
    return Labels(
        run_id=f"sweep-{hashlib.sha256(sweep.name.encode()).hexdigest()[:12]}",
        project=first.project,
        entity=first.entity,
        group=sweep.name,
        job_type="sweep",
        name=sweep.name,
        tags=(tag_of(sweep), *tags_of_the_environment()),
        notes=first.notes,
    )


def tag_of(sweep: Sweep) -> str:
    """The tag of all runs of the sweep."""
    return fitting(f"sweep:{sweep.name}", LONGEST_TAG)


def fitting(text: str, most: int) -> str:
    """The text; one that is too long is cut and gets a digest, so that it differs from others."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{text[: most - len(digest) - 1]}-{digest}"


def tags_of_the_environment() -> Iterator[str]:
    """The tags in ``WANDB_TAGS``, separated by commas."""
    for tag in os.environ.get("WANDB_TAGS", "").split(","):
        if tag.strip():
            yield tag.strip()


def fill(template: str, sweep_name: str, trial: Trial) -> str:
    """The template with the trial's values, written as in a grid."""
    values = {name: as_written(value) for name, value in trial.values.items()}
    values |= {"trial_id": trial.trial_id, "sweep": sweep_name}
    # Not str.format, which looks for attributes where a parameter's name has a dot.
    parts = Formatter().parse(template)
    return "".join(text + (values[name] if name is not None else "") for text, name, _, _ in parts)


def cell_name(sweep: Sweep, trial: Trial) -> str:
    """The cell by the fields in which the sweep's cells differ, as ``b0=1 optimizer=adaloss``."""
    fields = [name for name in sweep.axes if name != "seed"]
    return " ".join(f"{name}={as_written(trial.value(name))}" for name in fields) or sweep.name


def check_labels(sweep: Sweep, trials: Iterable[Trial]) -> None:
    """Refuse labels that W&B's server would refuse.

    Raises:
        LabelError: a label is too long or has a character that W&B does not accept.
    """
    if problems := label_problems(sweep, trials):
        raise LabelError("\n".join(f"{sweep.source}: wandb: {problem}" for problem in problems))


def label_problems(sweep: Sweep, trials: Iterable[Trial]) -> tuple[str, ...]:
    """The problems with the trials' labels, each once."""
    found = (problem for trial in trials for problem in refused(labels_of(sweep, trial)))
    return tuple(dict.fromkeys(found))


def refused(labels: Labels) -> Iterator[str]:
    """The problems with these labels, in sentences."""
    for tag in labels.tags:
        if not 1 <= len(tag) <= LONGEST_TAG:
            yield f"the tag {tag!r} must have 1 to {LONGEST_TAG} characters, it has {len(tag)}"
    longest = {"group": (labels.group, LONGEST_GROUP), "name": (labels.name, LONGEST_NAME)}
    for what, (text, most) in longest.items():
        if len(text) > most:
            yield f"the {what} {text!r} must have at most {most} characters, it has {len(text)}"
    if bad := sorted(set(labels.project) & set(PROJECT_REFUSES)):
        yield f"the project {labels.project!r} must not contain {' '.join(bad)}"
    if len(labels.project) > LONGEST_NAME:
        yield f"the project {labels.project!r} must have at most {LONGEST_NAME} characters"
