"""What a grid file may say: every key, its type, its default and what it means."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from adaloss.result import METRIC_NAMES
from adaloss.table_spec import At, TableSpec
from adaloss.trial import FIELD_NAMES, Seed

DEFAULT_SEEDS = 5
MOST_SEEDS = 100_000
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
TEMPLATE_FIELD = re.compile(r"\{([^{}]*)\}")
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
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def seeds_of(value: Any) -> Any:
    """The seeds: a count n stands for 0 to n-1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MOST_SEEDS:
            raise wanted(f"a count of seeds from 1 to {MOST_SEEDS:,}, or a list of them")
        return tuple(range(value))
    if not isinstance(value, tuple) or not value:
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
    for name in TEMPLATE_FIELD.findall(value):
        if name not in TEMPLATE_FIELDS:
            known = ", ".join(TEMPLATE_FIELDS)
            raise rejected(f"has no field {{{name}}} to fill in; known: {known}")
    return value


def trial_field(value: Any) -> Any:
    """The name of a field of a trial."""
    if value not in FIELD_NAMES:
        raise wanted(f"a field of a trial ({', '.join(FIELD_NAMES)})")
    return value


def metric_name(value: Any) -> Any:
    """The name of a logged metric."""
    if value not in METRIC_NAMES:
        raise wanted(f"a metric ({', '.join(METRIC_NAMES)})")
    return value


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
    WithJsonSchema({"type": ["string", "number"], "examples": ["90s", "2h", "1h30m"]}),
]
Template = Annotated[str, BeforeValidator(template)]
TrialField = Annotated[str, BeforeValidator(trial_field), WithJsonSchema({"enum": FIELD_NAMES})]
MetricName = Annotated[str, BeforeValidator(metric_name), WithJsonSchema({"enum": METRIC_NAMES})]
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
    entity: Template | None = None
    group: Template | None = None
    name: Template | None = None
    tags: tuple[Template, ...] = ()
    notes: Template | None = None
    finish_timeout: Annotated[float, Field(ge=0)] = 30.0
    """Seconds to wait at the end for uploads."""


class DataSection(Section):
    """Where the data sets are."""

    root: str | None = None
    """The folder that holds them."""


class GridTable(TableSpec):
    """One results table per value of ``per``: rows × columns of mean±std over the seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rows: TrialField = "b0"
    columns: TrialField = "optimizer"
    per: TrialField | None = "model"
    metric: MetricName | None = None


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
        BeforeValidator(seeds_of),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 1},
                    {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
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

    @model_validator(mode="after")
    def one_project(self) -> Self:
        """Refuse two answers to one question."""
        for name, ours, theirs in (
            ("project", self.wandb.project, self.project),
            ("entity", self.wandb.entity, self.entity),
        ):
            if ours and theirs and ours != theirs:
                raise rejected(f"{name} and wandb.{name} differ: leave one out")
        return self
