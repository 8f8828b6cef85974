"""The sections on how to reproduce the numbers, and how they are computed."""

import shlex
from collections.abc import Iterator

import pandas as pd

from adaloss.grid.sweep import Sweep
from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.program.fields import ProgramTrial
from analysis.frame.column_types import values_of
from analysis.report.markup import bullets, paragraph, section, verbatim
from analysis.results import measure_in, task_of_sweep
from analysis.tables.caption import NA_MEANING, SPREAD_WORDS
from analysis.tables.measure import Measure
from analysis.tables.own_changes import with_numbers

DIRTY = ".dirty"
MOST_VERSIONS = 8


def reproduce_section(sweep: Sweep, frame: pd.DataFrame) -> str:
    """The commands, and the grid as a whole."""
    return section("reproduce", "How to reproduce these numbers", steps(sweep, frame))


def steps(sweep: Sweep, frame: pd.DataFrame) -> Iterator[str]:
    """The version to install, the grid to save, and what to run."""
    numbers = with_numbers(frame)
    versions = sorted({version for version in values_of(numbers, "code_version") if version})
    lines = [line for version in versions[:MOST_VERSIONS] for line in installation(version)]
    if len(versions) > 1:
        lines.insert(0, "# One of these:")
        yield paragraph("Several versions computed these numbers: use one for all.", "warn")
    if any(version.endswith(DIRTY) for version in versions):
        yield paragraph(
            f"A version that ends in {DIRTY} had uncommitted changes: the commit alone may give "
            "other numbers.",
            "warn",
        )
    yield paragraph(f"Save the grid below as {sweep.source.name}, then:")
    # Only the file's name: its folder means nothing to the reader.
    command = shlex.join(["adaloss-sweep", "run", sweep.source.name])
    yield verbatim("\n".join((*lines, command)), "Commands")
    yield paragraph(
        "Recorded trials are not run again. Whether the same trial gives the same numbers twice is "
        "up to the program."
        if task_of_sweep(sweep).is_program
        else "Recorded trials are not run again. On a processor the same trial gives the "
        "same bits twice; another processor, a GPU or other versions may change the last digits."
    )
    yield "<h3>The grid</h3>"
    yield verbatim(sweep.text, "The grid")


def installation(version: str) -> Iterator[str]:
    """How to install a code version: a commit from a clone, a release by its number."""
    release, _, commit = version.removesuffix(DIRTY).partition("+g")
    if commit:
        yield f"git checkout {commit} && pip install .    # in a clone of adaloss-sweep {release}"
    else:
        yield f"pip install .    # of adaloss-sweep {release}"


def method_section(sweep: Sweep) -> str:
    """The section on how a cell's number is computed."""
    spec = sweep.tables[0]
    measure = measure_in(sweep, spec)
    if task_of_sweep(sweep).is_program:
        texts = list(method_of_a_program(sweep, spec, measure))
        return section("method", "How the numbers are computed", [bullets(texts)])
    texts = [
        f"A cell is {SPREAD_WORDS[spec.spread]}, over trials that differ in nothing but the seed. "
        "The seed fixes the initial weights, the order of the batches and the augmentation, the "
        "same for every optimizer.",
        f"Reported: {measure.label} {measure.when}. A number is never chosen "
        "by the test set: the last epoch and the best by validation are both recorded, a maximum "
        "over test is not.",
        "A trial has diverged when its training loss is not finite or goes beyond "
        f"{sweep.grid.divergence.max_loss:g}. N/A: {NA_MEANING[spec.na_if]}. A failed trial ended "
        "in an error; it has no number and does not make a cell N/A.",
        "Losses are means over examples, in nats; accuracies are percentages.",
    ]
    return section("method", "How the numbers are computed", [bullets(texts)])


def method_of_a_program(sweep: Sweep, spec: TableSpec, measure: Measure) -> Iterator[str]:
    """How the numbers of a program of the user's own come about."""
    yield (
        f"A cell is {SPREAD_WORDS[spec.spread]}, over trials that differ in nothing but the seed. "
        "What the seed fixes is up to the program."
    )
    yield (
        f"Reported: {measure.label} {measure.when}, as the program logged it. Which data it is of, "
        "and in which unit, only the program knows."
    )
    trial = sweep.trials[0] if sweep.trials else None
    if isinstance(trial, ProgramTrial):
        beyond = "" if trial.max_loss is None else f" or goes beyond {trial.max_loss:g}"
        yield (
            f"A trial has diverged when its {trial.divergence_metric or trial.metric} is not "
            f"finite{beyond}. N/A: {NA_MEANING[spec.na_if]}. A failed trial ended in an error; it "
            "has no number and does not make a cell N/A."
        )
