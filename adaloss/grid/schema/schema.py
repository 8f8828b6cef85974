"""What a grid file may say: every key, its type, its default and what it means."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adaloss.grid.schema.types import (
    Concurrency,
    Duration,
    Gpus,
    GridAt,
    GridLabels,
    LocalPath,
    Method,
    MetricName,
    Point,
    Seeds,
    Template,
    TrialField,
    TrialFields,
    rejected,
)
from adaloss.grid.tables.spec import LAST, Mark, NaIf, ShowN, Spread, TableSpec
from adaloss.tasks.table import DEFAULT_TASK
from adaloss.trial import Capture

DEFAULT_SEEDS = 5


class Section(BaseModel):
    """A part of a grid file; keys that it does not know are mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Metric(Section):
    """What the tables show."""

    name: MetricName = DEFAULT_TASK.reported
    """A logged metric; accuracies are in percent."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """What counts as best."""
    at: GridAt = LAST
    """The last epoch, the one with the best validation accuracy (never the best on test), or
    epoch N."""


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
    gpu: Gpus = "auto"
    """GPUs of a trial; auto is one where there are any, none where there are not."""


class ExecutionSection(Section):
    """How the trials are run; nothing here changes their numbers."""

    max_concurrent: Concurrency = "auto"
    """Trials at a time; auto is as many as there are resources for."""
    timeout: Duration | None = None
    """A trial that takes longer from one start has failed; its worker is ended if it hangs."""
    retries: Annotated[int, Field(ge=0)] = 2
    """How often a trial is started again, ever later, after its worker died or memory ran out."""
    max_failed: Annotated[int, Field(ge=0)] | None = None
    """Once more trials than this have failed, no more are started."""
    order: Literal["seed_major", "cell_major"] = "seed_major"
    """The first seed of every cell first, or every seed of the first cell first."""
    checkpoint_interval: Duration = 60.0
    """How often a running trial's whole state is saved, at the end of an epoch."""
    keep_checkpoints: bool = False
    """Keep the last state of finished trials."""
    capture: Capture = "auto"
    """On a GPU replay steps as CUDA graphs, which takes less time and more memory; auto is yes, but
    for models of your own."""


WandbMode = Literal["auto", "online", "offline", "disabled"]


class WandbSection(Section):
    """How the trials appear in Weights & Biases."""

    mode: WandbMode = "auto"
    """auto is online where there is a login for the server, else offline."""
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

    root: LocalPath | None = None
    """The folder that holds them; default: ADALOSS_DATA, else the user's cache."""


class GridTable(TableSpec):
    """Results tables: rows × columns of mean±spread over the seeds, one for each value of per."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    rows: TrialField = "b0"
    """The field that varies down the table."""
    columns: TrialField = "optimizer"
    """The field that varies across the table."""
    per: TrialFields = ("model",)
    """One table per value of this field, or of several together; null is a single table."""
    metric: MetricName | None = None
    """What the table shows; default: metric.name."""
    at: GridAt | None = None
    """The last epoch, best_val (the best by validation accuracy) or epoch N; default: metric.at."""
    na_if: NaIf = "any"
    """A cell is N/A if any, most or all of its trials diverged."""
    spread: Spread = "std"
    """Beside the mean: the standard deviation, the standard error, or the 95 % interval's half."""
    mark: Mark = "best"
    """What stands out in a row: the best in bold, the second underlined too, or nothing."""
    show_n: ShowN = "incomplete"
    """Tell the number of seeds of incomplete cells only, or always."""
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    """Digits after the decimal point."""
    transpose: bool = False
    """Turn the table over: rows across, columns down."""
    only: Point = Field({})
    """Only cells with these values: a value, or a list of values, per field."""
    exclude: tuple[Point, ...] = ()
    """Cells to leave out of the table."""
    title: str | None = None
    """The table's title."""
    provenance: bool = True
    """Tell in the caption which code version made the numbers, and when."""

    @model_validator(mode="after")
    def different_fields(self) -> Self:
        """Refuse a field in two places."""
        for name in self.axes:
            if self.axes.count(name) > 1:
                raise rejected(f"has {name} in two of rows, columns and per")
        return self


class Grid(Section):
    """A sweep: what is tried, how often, and which tables come out."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """The sweep's name, and that of its results' folder."""
    description: str | None = None
    """For people."""
    method: Method = "grid"
    """Every combination of the parameters."""
    metric: Metric = Metric()
    """What the tables show."""
    parameters: dict[str, Any]
    """The fields of a trial: a value, or a list of the values to try."""
    seeds: Seeds = tuple(range(DEFAULT_SEEDS))
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
    """The results tables, and figures of the first; default: b0 across optimizers, one table for
    each model and value of whatever else varies."""
    labels: GridLabels = {}
    """What tables, figures and pages call a value: value: label, or field: {value: label}."""
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
    """A run starts at most this many trials; the next run goes on."""
