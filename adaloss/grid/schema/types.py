"""The types of a grid's values that are more than numbers and text, with what is said of others."""

import re
from collections.abc import Sequence
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.problems import quoted, suggestion
from adaloss.grid.mistakes.wording import found
from adaloss.grid.tables.spec import AT_PATTERN, listed, valid_at
from adaloss.records.places import url_trouble
from adaloss.tasks.metrics import METRICS
from adaloss.trial import FIELD_NAMES, Seed

MOST_SEEDS = 100_000
LONGEST_DURATION = 100
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
TEMPLATE_FIELDS = (*FIELD_NAMES, "trial_id", "sweep")


def wanted(what: str) -> PydanticCustomError:
    """The error of a value that is not what is wanted."""
    return PydanticCustomError("wanted", "{wanted}", {"wanted": what})


def rejected(reason: str) -> PydanticCustomError:
    """The error of a value that is refused for a reason."""
    return PydanticCustomError("rejected", "{reason}", {"reason": reason})


def is_number(value: object) -> bool:
    """Whether this is a finite number; true and false are none."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and float("-inf") < value < float("inf")
    )


def seconds_of(value: Any) -> Any:
    """A duration such as ``90``, ``"90s"`` or ``"1h30m"`` in seconds."""
    if is_number(value) and value > 0:
        return float(value)
    # The pattern looks at every digit again from each digit on: a long text would take for ever.
    written_out = isinstance(value, str) and len(value) <= LONGEST_DURATION
    parts = re.findall(r"([0-9]*\.?[0-9]+)\s*([smhd])", value) if written_out else []
    written = "".join(f"{number}{unit}" for number, unit in parts)
    if not parts or written != value.replace(" ", ""):
        raise wanted("a time such as 90s, 2h or 1h30m, or seconds above 0")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if not 0 < seconds < float("inf"):
        raise wanted("a time above 0, and not for ever")
    return seconds


def seeds_of(value: Any) -> Any:
    """The seeds: a count n stands for 0 to n-1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MOST_SEEDS:
            raise wanted(f"a count of seeds from 1 to {MOST_SEEDS:,}, or a list of them")
        return tuple(range(value))
    if not isinstance(value, tuple):
        raise wanted("a count of seeds, or a list of them")
    return value


def auto_or_count(value: Any) -> Any:
    """``auto`` or a whole number above 0."""
    if value != "auto" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise wanted("auto or a whole number above 0")
    return value


def auto_or_gpus(value: Any) -> Any:
    """``auto`` or a number of GPUs, a fraction below 1 or a whole one."""
    if value == "auto":
        return value
    if not is_number(value) or value < 0 or (value > 1 and value != int(value)):
        raise wanted("auto, 0, a fraction of a GPU, or a whole number of them")
    return float(value)


def template(value: Any) -> Any:
    """Text in which ``{field}`` stands for a trial's field."""
    if not isinstance(value, str):
        raise wanted("text")
    try:
        fields = [
            (name, form, conversion) for _, name, form, conversion in Formatter().parse(value)
        ]
    except ValueError as error:
        raise rejected("has an unpaired brace; write {{ or }} for { or }") from error
    for name, form, conversion in fields:
        if name is not None and (name not in TEMPLATE_FIELDS or form or conversion):
            written = value[value.index("{" + name) :].partition("}")[0] + "}"
            hint = suggestion(name, TEMPLATE_FIELDS)
            raise rejected(f"cannot fill in {written}{hint}")
    return value


def local_path(value: Any) -> Any:
    """A path of this machine, as text."""
    trouble = url_trouble(value) if isinstance(value, str) else None
    if trouble:
        raise rejected(f"must be a folder of this machine: {trouble}")
    return value


def one_of(names: Sequence[str], value: Any, what: str) -> Any:
    """One of the names."""
    if value not in names:
        raise rejected(f"must be {what}, found {found(value)}{suggestion(str(value), names)}")
    return value


def trial_field(value: Any) -> Any:
    """The name of a field of a trial."""
    return one_of(FIELD_NAMES, value, "a field of a trial")


def trial_fields(value: Any) -> Any:
    """The names of fields of a trial: one, several or none."""
    names = listed(value)
    return tuple(map(trial_field, names)) if isinstance(names, tuple) else trial_field(names)


def metric_name(value: Any) -> Any:
    """The name of a logged metric."""
    return one_of(tuple(METRICS), value, "a metric")


def only_grid(value: Any) -> Any:
    """``grid``, the one method there is."""
    if value != "grid":
        raise rejected(
            f"{quoted(value)} is not supported: a table needs every cell of the grid, so that "
            "sampled searches would bias it; write method: grid"
        )
    return value


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
TrialField = Annotated[
    str, BeforeValidator(trial_field), WithJsonSchema({"enum": list(FIELD_NAMES)})
]
TrialFields = Annotated[
    tuple[str, ...],
    BeforeValidator(trial_fields),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [*FIELD_NAMES, None]},
                {"type": "array", "items": {"enum": list(FIELD_NAMES)}, "uniqueItems": True},
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
GridAt = Annotated[
    str, BeforeValidator(valid_at), WithJsonSchema({"type": "string", "pattern": AT_PATTERN})
]
MetricName = Annotated[str, BeforeValidator(metric_name), WithJsonSchema({"enum": list(METRICS)})]
# One value or a list of them per field of a trial; checked against the fields afterwards.
Point = Annotated[dict[str, Any], Field(min_length=1)]
Gpus = Annotated[
    Literal["auto"] | float,
    BeforeValidator(auto_or_gpus),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": 0}]}),
]
Concurrency = Annotated[
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
Method = Annotated[Literal["grid"], BeforeValidator(only_grid)]
