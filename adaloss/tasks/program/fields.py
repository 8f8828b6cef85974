"""The fields of a trial that runs the user's own program."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from adaloss.trial import FiniteFloat, Pairs, Seed, Trial, as_pairs, frozen, readable

PROGRAM_TASK = "program"
SEED = "seed"
POINT = "point"
"""What tables call all parameters that vary together: a row for each point of a search."""
FUNCTION = re.compile(r"(?P<module>[^:\s]+):(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
RESERVED = frozenset(
    {"task", "program", SEED, "trial_id", "state", "finished_epochs", "seconds", "finished_at"}
    | {"code_version", "environment", "fingerprint", "divergence", "failure_kind"}
    | {"failure_message", "train_size", "val_size", "test_size", "epoch", "step"}
    | {"fingerprint_now", POINT}
)
"""Columns of every frame of results: a parameter of this name has another in tables."""
LOGGED_AS: Mapping[str, str] = {name: f"logged_{name}" for name in ("epoch", "step", "seconds")}
"""The names in records of metrics that are called as what every epoch records."""
OF_METRICS = re.compile(r"(last|best_val|epoch [0-9]+|reach .+|ours|theirs):.*", re.DOTALL)
"""The columns of metrics, which no parameter may have either."""
LONGEST_CELL = 80
Command = Annotated[tuple[str, ...], BeforeValidator(frozen)]


class ProgramTrial(Trial):
    """A trial of the user's own program: see :class:`adaloss.trial.Trial`.

    ``program`` is ``module:function``, ``file.py:function`` or the file of a script, which is
    started with ``command`` (None for W&B's default). ``parameters`` are the grid's values by
    their names in the program. A script gets those of each of ``groups``, such as ``optimizer.lr``
    of ``optimizer``, as one mapping. The program gets the seed as ``seed_parameter``, or not at all
    where that is None. Metrics that are not logged are found in ``metrics_file`` or in the output
    by ``metrics_pattern``. A trial has diverged if ``divergence_metric`` (None: ``metric``) is not
    finite or beyond ``max_loss``.

    ``metric`` is what the sweep's tables show, and ``python`` the interpreter of a script; both
    change none of the trial's numbers.
    """

    SAME_TIME: ClassVar = frozenset({SEED})

    task: Literal["program"]
    program: Annotated[str, Field(min_length=1)]
    parameters: Pairs = ()
    groups: tuple[str, ...] = ()
    seed: Seed
    seed_parameter: str | None = SEED
    command: Command | None = None
    divergence_metric: str | None = None
    max_loss: FiniteFloat | None = None
    metrics_file: str | None = None
    metrics_pattern: str | None = None
    metric: str = ""
    python: str | None = None

    @property
    def unused(self) -> Collection[str]:
        """What decides where a trial runs, and what tables show."""
        return ("metric", "python")

    @property
    def function(self) -> tuple[str, str] | None:
        """The module, or the file, and the function; None for a script."""
        return function_in(self.program)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values by the names that they have in tables."""
        return {
            "task": self.task,
            "program": self.program,
            **{column(name): value for name, value in self.parameters},
            SEED: self.seed,
        }

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """The trial with other values of some of its parameters, by their names in tables."""
        own = {parameter_of(name): value for name, value in values.items()}
        return self.model_copy(update={"parameters": as_pairs({**dict(self.parameters), **own})})

    @property
    def subject(self) -> str:
        """The program."""
        return self.program

    @property
    def runs_own_code(self) -> bool:
        """Always."""
        return True

    @property
    def names_its_program(self) -> bool:
        """Whether the command starts the program; another one may start anything."""
        return self.command is None or "${program}" in " ".join(self.command)

    @property
    def trains_here(self) -> bool:
        """A script has a process of its own."""
        return self.function is not None

    @property
    def to_be_tried(self) -> bool:
        """No: nobody knows how long the program takes before it does anything."""
        return False

    @property
    def worker_kind(self) -> str:
        """A worker runs trials of one function. A script has a process of its own."""
        return self.program if self.function else ""

    @property
    def memory_kind(self) -> tuple[object, ...]:
        """Trials of one cell take the same memory."""
        return (self.program, self.command, self.parameters)

    @cached_property
    def readable_cell(self) -> str:
        """The program and its values, as far as they fit."""
        name = PurePath(self.program.replace(":", "/")).stem
        parts = (f"{key.rpartition('.')[2]}={value}" for key, value in self.parameters)
        return readable("-".join((name, *parts)))[:LONGEST_CELL]


def function_in(program: str) -> tuple[str, str] | None:
    """The module, or the file, and the function that ``program`` names; None for a script."""
    found = FUNCTION.fullmatch(program)
    return (found["module"], found["name"]) if found else None


def column(parameter: str) -> str:
    """The name of a parameter in tables, filters and frames."""
    return f"parameters.{parameter}" if is_reserved(parameter) else parameter


def parameter_of(name: str) -> str:
    """The name in the program of what tables call ``name``."""
    own = name.removeprefix("parameters.")
    return own if is_reserved(own) else name


def is_reserved(name: str) -> bool:
    """Whether frames have a column of this name for something else."""
    # A parameter may itself be called as tables call another one.
    name = re.sub(r"^(parameters\.)+", "", name)
    return name in RESERVED or OF_METRICS.fullmatch(name) is not None


def columns(parameters: Iterable[str]) -> tuple[str, ...]:
    """The names of the parameters in tables, in the order of the records."""
    return tuple(column(name) for name in sorted(parameters))


def parameters_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a cell of a grid, by their names in the program."""
    return {parameter_of(name): value for name, value in cell.items()}
