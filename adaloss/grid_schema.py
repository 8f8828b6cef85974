"""What a grid file may say: every key, its type, its default and what it means."""

import re
from collections.abc import Sequence
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from adaloss.grid_problems import suggestion
from adaloss.grid_wording import found
from adaloss.result import METRIC_NAMES
from adaloss.table_spec import At, TableSpec
from adaloss.trial import FIELD_NAMES, Seed

DEFAULT_SEEDS = 5
MOST_SEEDS = 100_000
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
    parts = re.findall(r"([0-9]*\.?[0-9]+)\s*([smhd])", value) if isinstance(value, str) else []
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


def one_of(names: Sequence[str], value: Any, what: str) -> Any:
    """One of the names."""
    if value not in names:
        raise rejected(f"must be {what}, found {found(value)}{suggestion(str(value), names)}")
    return value


def trial_field(value: Any) -> Any:
    """The name of a field of a trial."""
    return one_of(FIELD_NAMES, value, "a field of a trial")


def metric_name(value: Any) -> Any:
    """The name of a logged metric."""
    return one_of(METRIC_NAMES, value, "a metric")


def only_grid(value: Any) -> Any:
    """``grid``, the one method there is."""
    if value != "grid":
        raise rejected(
            f"{value!r} is not supported: a table needs every cell of the grid, so that sampled "
            "searches would bias it; write method: grid"
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
TrialField = Annotated[
    str, BeforeValidator(trial_field), WithJsonSchema({"enum": list(FIELD_NAMES)})
]
MetricName = Annotated[
    str, BeforeValidator(metric_name), WithJsonSchema({"enum": list(METRIC_NAMES)})
]
# One value or a list of them per field of a trial; checked against the fields afterwards.
Point = Annotated[dict[str, Any], Field(min_length=1)]


class Section(BaseModel):
    """A part of a grid file; keys that it does not know are mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Metric(Section):
    """What the tables show."""

    name: MetricName = "test/top1"
    """A logged metric; accuracies are in percent."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """What counts as best."""
    at: At = "last"
    """The last epoch, or the one with the best validation accuracy (never the best on test)."""


class Override(Section):
    """Values for some of the cells."""

    match: Point
    """The cells that it applies to: a value, or a list of values, per field."""
    set: Point
    """The values that they get instead."""


class DivergenceSection(Section):
    """When a trial counts as diverged, the table's N/A."""

    max_loss: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e4
    """A training loss beyond this is divergence; one that is not finite always is."""


class Resources(Section):
    """What each trial gets."""

    cpu: Annotated[int, Field(ge=1)] = 1
    """Processors, and threads, of a trial."""
    gpu: Annotated[
        Literal["auto"] | float,
        BeforeValidator(auto_or_gpus),
        WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": 0}]}),
    ] = "auto"
    """GPUs of a trial; auto is one where there are any, none where there are not."""


class ExecutionSection(Section):
    """How the trials are run; nothing here changes their numbers."""

    max_concurrent: Annotated[
        Literal["auto"] | int,
        BeforeValidator(auto_or_count),
        WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1}]}),
    ] = "auto"
    """Trials at a time; auto is as many as there are resources for."""
    timeout: Duration | None = None
    """A trial that takes longer has failed."""
    retries: Annotated[int, Field(ge=0)] = 2
    """How often a trial is started again after its worker died."""
    max_failed: Annotated[int, Field(ge=0)] | None = None
    """Once more trials than this have failed, no more are started."""
    order: Literal["seed_major", "cell_major"] = "seed_major"
    """The first seed of every cell first, or every seed of the first cell first."""
    checkpoint_interval: Duration = 60.0
    """How often a running trial's whole state is saved, at the end of an epoch."""
    keep_checkpoints: bool = False
    """Keep the last state of finished trials."""


class WandbSection(Section):
    """How the trials appear in Weights & Biases."""

    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    """auto is online where there is a login, else offline."""
    project: Template | None = None
    """The project; {model} and the like stand for fields of the trial, here and below."""
    entity: Template | None = None
    """The user or team; default: the login's."""
    group: Template | None = None
    """The group that a run belongs to."""
    name: Template | None = None
    """The name of a run."""
    tags: tuple[Template, ...] = ()
    """The tags of a run."""
    notes: Template | None = None
    """The notes of a run."""
    finish_timeout: Annotated[float, Field(ge=0)] = 30.0
    """Seconds to wait at the end for uploads."""


class DataSection(Section):
    """Where the data sets are."""

    root: str | None = None
    """The folder that holds them."""


class GridTable(TableSpec):
    """One results table per value of ``per``: rows × columns of mean±std over the seeds."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    rows: TrialField = "b0"
    """The field that varies down the table."""
    columns: TrialField = "optimizer"
    """The field that varies across the table."""
    per: TrialField | None = "model"
    """One table per value of this field; null is a single table."""
    metric: MetricName | None = None
    """What the table shows; default: metric.name."""

    @model_validator(mode="after")
    def three_fields(self) -> Self:
        """Refuse a field in two places."""
        fields = [self.rows, self.columns, self.per]
        for name in fields:
            if fields.count(name) > 1:
                raise rejected(f"has {name} in two of rows, columns and per")
        return self


class Grid(Section):
    """A sweep: what is tried, how often, and which tables come out."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """The sweep's name, and that of its results' folder."""
    description: str | None = None
    """For people."""
    method: Annotated[Literal["grid"], BeforeValidator(only_grid)] = "grid"
    """Every combination of the parameters."""
    metric: Metric = Metric()
    """What the tables show."""
    parameters: dict[str, Any]
    """The fields of a trial: a value, or a list of the values to try."""
    seeds: Annotated[
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
    ] = tuple(range(DEFAULT_SEEDS))
    """The seeds of every cell: a count n stands for 0 to n-1."""
    overrides: tuple[Override, ...] = ()
    """Other values for some of the cells; where several match, the later wins."""
    exclude: tuple[Point, ...] = ()
    """Cells to leave out."""
    include: tuple[Point, ...] = ()
    """Extra cells; fields with a single value in parameters need not be repeated."""
    divergence: DivergenceSection = DivergenceSection()
    resources: Resources = Resources()
    execution: ExecutionSection = ExecutionSection()
    wandb: WandbSection = WandbSection()
    tables: Annotated[tuple[GridTable, ...], Field(min_length=1)] = (GridTable(),)
    """The results tables, and figures of the first."""
    data: DataSection = DataSection()
    program: str | None = None
    """Of a W&B sweep file; not used, since the tool trains by itself."""
    command: tuple[Any, ...] | None = None
    """Of a W&B sweep file; not used, since the tool trains by itself."""
    project: str | None = None
    """Of a W&B sweep file: the same as wandb.project."""
    entity: str | None = None
    """Of a W&B sweep file: the same as wandb.entity."""
    run_cap: Annotated[int, Field(ge=1)] | None = None
    """A run starts at most this many trials."""
