"""The types of a grid's values other than plain numbers and text, with their error messages."""

import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.problems import quoted, suggestion
from adaloss.grid.mistakes.wording import described
from adaloss.grid.tables.at import AT_PATTERN, BEST_VAL, NEEDS_TARGET, REACH, valid_at
from adaloss.grid.tables.at import TASK as TASK
from adaloss.grid.tables.spec import listed
from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.records.places import url_problem
from adaloss.tasks.metrics import COUNTED, LOGGED, METRICS
from adaloss.tasks.program.fields import LOGGED_AS, POINT
from adaloss.tasks.table import DEFAULT_TASK, FIELD_NAMES, TASKS
from adaloss.tasks.task import Task
from adaloss.trial import Seed

MOST_SEEDS = 100_000
LONGEST_DURATION = 100
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
OTHER_TEMPLATE_FIELDS = ("trial_id", "sweep")
"""The key of the task in the context of a validation."""


def expected(description: str) -> PydanticCustomError:
    """The error "must be <description>, found <value>"."""
    return PydanticCustomError("expected", "{expected}", {"expected": description})


def rejected(reason: str) -> PydanticCustomError:
    """The error "<key> <reason>"."""
    return PydanticCustomError("rejected", "{reason}", {"reason": reason})


def is_number(value: object) -> bool:
    """Whether this is a finite number. True and false are not."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and float("-inf") < value < float("inf")
    )


def seconds_of(value: Any) -> Any:
    """The seconds of a duration such as ``90``, ``"90s"`` or ``"1h30m"``."""
    if is_number(value) and value > 0:
        return float(value)
    # The pattern takes quadratic time, so the length is limited.
    is_text = isinstance(value, str) and len(value) <= LONGEST_DURATION
    parts = re.findall(r"([0-9]*\.?[0-9]+)\s*([smhd])", value) if is_text else []
    matched = "".join(f"{number}{unit}" for number, unit in parts)
    if not parts or matched != value.replace(" ", ""):
        raise expected("a time such as 90s, 2h or 1h30m, or seconds above 0")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if not 0 < seconds < float("inf"):
        raise expected("a finite time above 0")
    return seconds


def seeds_of(value: Any) -> Any:
    """The seeds. A count n stands for the seeds 0 to n-1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MOST_SEEDS:
            raise expected(f"a count of seeds from 1 to {MOST_SEEDS:,}, or a list of them")
        return tuple(range(value))
    if not isinstance(value, tuple):
        raise expected("a count of seeds, or a list of them")
    return value


def auto_or_count(value: Any) -> Any:
    """``auto`` or a whole number above 0."""
    if value != "auto" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise expected("auto or a whole number above 0")
    return value


def auto_or_gpus(value: Any) -> Any:
    """``auto``, a fraction of a GPU, or a whole number of GPUs."""
    if value == "auto":
        return value
    if not is_number(value) or value < 0 or (value > 1 and value != int(value)):
        raise expected("auto, 0, a fraction of a GPU, or a whole number of them")
    return float(value)


def task_in(info: ValidationInfo) -> Task:
    """The task of the grid that is checked."""
    task = (info.context or {}).get(TASK)
    return task if isinstance(task, Task) else DEFAULT_TASK


def template(value: Any, info: ValidationInfo) -> Any:
    """Text in which ``{field}`` stands for a trial's field."""
    if not isinstance(value, str):
        raise expected("text")
    try:
        fields = [
            (name, form, conversion) for _, name, form, conversion in Formatter().parse(value)
        ]
    except ValueError as error:
        raise rejected("has an unpaired brace; write {{ or }} for { or }") from error
    known = (*task_in(info).field_names, *OTHER_TEMPLATE_FIELDS)
    for name, form, conversion in fields:
        if name is not None and (name not in known or form or conversion):
            placeholder = value[value.index("{" + name) :].partition("}")[0] + "}"
            hint = suggestion(name, known)
            raise rejected(f"cannot fill in {placeholder}{hint}")
    return value


def local_path(value: Any) -> Any:
    """A path on this machine, as text."""
    if isinstance(value, str) and (problem := url_problem(value)):
        raise rejected(f"must be a folder on this machine: {problem}")
    return value


def one_of(names: Sequence[str], value: Any, kind: str) -> Any:
    """One of the names. ``kind`` describes them in the error message."""
    if value not in names:
        raise rejected(f"must be {kind}, found {described(value)}{suggestion(str(value), names)}")
    return value


def trial_field(value: Any, info: ValidationInfo) -> Any:
    """The name of a field of a trial."""
    if isinstance(value, str) and HYPERPARAMETER.match(value) and not task_in(info).is_program:
        return value
    return one_of(task_in(info).field_names, value, "a field of a trial")


def row_field(value: Any, info: ValidationInfo) -> Any:
    """The name of a field of a trial, or ``point``: all parameters of a program that vary."""
    if value == POINT and task_in(info).is_program:
        return value
    return trial_field(value, info)


def trial_fields(value: Any, info: ValidationInfo) -> Any:
    """The names of fields of a trial: one, several or none."""
    names = listed(value)
    if not isinstance(names, tuple):
        return trial_field(names, info)
    return tuple(trial_field(name, info) for name in names)


def task_name(value: Any) -> Any:
    """The name of a task."""
    return one_of(tuple(TASKS), value, "a task")


def metric_name(value: Any, info: ValidationInfo) -> Any:
    """The name of a logged metric."""
    if task_in(info).is_program:
        return metric_of_a_program(value)
    if value in COUNTED:
        raise rejected(f"is for tables: {value} {NEEDS_TARGET}")
    return one_of(task_in(info).metric_names, value, "a metric")


def metric_of_a_program(value: Any) -> Any:
    """The name in records of what a program logs under this name."""
    if not isinstance(value, str) or not value:
        raise expected("the name of a metric that the program logs")
    return LOGGED_AS.get(value, value)


def table_metric_name(value: Any, info: ValidationInfo) -> Any:
    """The name of a metric that a table can show."""
    if task_in(info).is_program and value not in COUNTED:
        return metric_of_a_program(value)
    return one_of((*task_in(info).metric_names, *COUNTED), value, "a metric")


def grid_at(value: Any, info: ValidationInfo) -> Any:
    """The epoch of the grid's own metric: a target is for tables."""
    if isinstance(value, Mapping) or (isinstance(value, str) and REACH.fullmatch(value)):
        raise rejected("is no target: write at: {reach: …} in an entry of tables")
    return table_at(value, info)


def table_at(value: Any, info: ValidationInfo) -> Any:
    """The epoch of a table."""
    task = task_in(info)
    if value == BEST_VAL and task.chosen_by is None:
        raise rejected(f"cannot be {BEST_VAL}: the task {task.name} has no validation")
    return valid_at(value, task)


def known_method(value: Any, info: ValidationInfo) -> Any:
    """``grid``, or ``random`` for programs."""
    if value == "bayes" and task_in(info).is_program:
        raise rejected(
            "'bayes' is not supported: points that are chosen by earlier results would bias the "
            "tables; write method: random with run_cap, or method: grid"
        )
    if task_in(info).is_program:
        return one_of(METHODS, value, "grid or random")
    if value not in METHODS:
        raise rejected(
            f"{quoted(value)} is not supported: a table needs every cell of the grid, and a "
            "sampled search would bias it; write method: grid"
        )
    return value


def words_of_command(value: Any) -> Any:
    """The words of a command as text; YAML may have read one as a number."""
    if not isinstance(value, tuple):
        raise expected("a list of words, such as ['${env}', python, '${program}', '${args}']")
    return tuple(str(word) for word in value)


Duration = Annotated[
    float,
    BeforeValidator(seconds_of),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^( *([0-9]*\.)?[0-9]+ *[smhd])+ *$",
            "exclusiveMinimum": 0,
            "examples": ["90s", "2h", "1h30m"],
        }
    ),
]
Template = Annotated[str, BeforeValidator(template)]
LocalPath = Annotated[str, BeforeValidator(local_path)]
ANY_TEXT = {"type": "string", "minLength": 1}
"""The names that a program's parameters and metrics may have."""
DOTTED = {"type": "string", "pattern": HYPERPARAMETER.pattern}
ONE_FIELD = {"anyOf": [{"enum": list(FIELD_NAMES)}, DOTTED]}
SEVERAL_FIELDS = {
    "anyOf": [
        {"enum": [*FIELD_NAMES, None]},
        DOTTED,
        {"type": "array", "items": ONE_FIELD, "uniqueItems": True},
    ]
}
TrialField = Annotated[
    str, BeforeValidator(trial_field), WithJsonSchema({"anyOf": [*ONE_FIELD["anyOf"], ANY_TEXT]})
]
RowField = Annotated[
    str, BeforeValidator(row_field), WithJsonSchema({"anyOf": [*ONE_FIELD["anyOf"], ANY_TEXT]})
]
TrialFields = Annotated[
    tuple[str, ...],
    BeforeValidator(trial_fields),
    WithJsonSchema(
        {
            "anyOf": [
                *SEVERAL_FIELDS["anyOf"],
                ANY_TEXT,
                {"type": "array", "items": ANY_TEXT, "uniqueItems": True},
            ]
        }
    ),
]
LABEL = {"type": "string", "minLength": 1}
GridLabels = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [LABEL, {"type": "object", "additionalProperties": LABEL}]
            },
        }
    ),
]
AT_TEXT = {"type": "string", "pattern": AT_PATTERN}
REACH_MAPPING = {
    "type": "object",
    "properties": {
        "reach": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": {"type": "number"},
        }
    },
    "required": ["reach"],
    "additionalProperties": False,
}
GridAt = Annotated[str, BeforeValidator(grid_at), WithJsonSchema(AT_TEXT)]
TableAt = Annotated[
    str, BeforeValidator(table_at), WithJsonSchema({"anyOf": [AT_TEXT, REACH_MAPPING]})
]
TaskName = Annotated[str, BeforeValidator(task_name), WithJsonSchema({"enum": list(TASKS)})]
METRIC_NAMES = {"enum": list(LOGGED)}
MetricName = Annotated[
    str, BeforeValidator(metric_name), WithJsonSchema({"anyOf": [METRIC_NAMES, ANY_TEXT]})
]
TABLE_METRICS = {"enum": [*METRICS, None]}
TableMetric = Annotated[
    str,
    BeforeValidator(table_metric_name),
    WithJsonSchema({"anyOf": [{"enum": list(METRICS)}, ANY_TEXT]}),
]
# A value or a list of values per field of a trial. They are checked against the fields later.
Point = Annotated[dict[str, Any], Field(min_length=1)]
Gpus = Annotated[
    Literal["auto"] | float,
    BeforeValidator(auto_or_gpus),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": 0}]}),
]
AutoOrCount = Annotated[
    Literal["auto"] | int,
    BeforeValidator(auto_or_count),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1}]}),
]
Seeds = Annotated[
    tuple[Seed, ...],
    Field(min_length=1),
    BeforeValidator(seeds_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS},
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0},
                    "minItems": 1,
                    "uniqueItems": True,
                },
            ]
        }
    ),
]
METHODS = ("grid", "random")
Method = Annotated[Literal["grid", "random"], BeforeValidator(known_method)]
ProgramName = Annotated[str, Field(min_length=1)]
CommandWords = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(words_of_command),
    WithJsonSchema({"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}),
]
