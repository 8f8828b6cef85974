"""The schema of a grid file: every key with its type, its default and its description."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adaloss.grid.schema.types import (
    AutoOrCount,
    CommandWords,
    Duration,
    Gpus,
    GridAt,
    GridLabels,
    LocalPath,
    Method,
    MetricName,
    Point,
    ProgramName,
    RowField,
    Seeds,
    TableAt,
    TableMetric,
    TaskName,
    Template,
    TrialField,
    TrialFields,
    rejected,
)
from adaloss.grid.tables.at import LAST
from adaloss.grid.tables.spec import Mark, NaIf, ShowN, Spread, TableSpec
from adaloss.tasks.table import DEFAULT_TASK
from adaloss.trial import Capture, Seed

DEFAULT_SEEDS = 5


class Section(BaseModel):
    """A section of a grid file. Unknown keys are mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Metric(Section):
    """The metric that the tables show."""

    name: MetricName = DEFAULT_TASK.reported
    """A metric that the task logs. Accuracies are in percent. Default: the task's; a program has
    none."""
    goal: Literal["maximize", "minimize"] | None = None
    """Whether the largest or the smallest value is best. Default: as is usual for the metric; for
    that of a program, minimize."""
    at: GridAt = LAST
    """The last epoch, the epoch with the best validation accuracy (best_val; never the best on
    test), or epoch N."""


class Override(Section):
    """Other values for some of the cells."""

    match: Point
    """The cells to change: a value, or a list of values, per field."""
    set: Point
    """The new values of these cells."""


class DivergenceSection(Section):
    """When a trial counts as diverged. Tables show N/A for it."""

    max_loss: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e4
    """The largest training loss that is not divergence. A loss that is not finite always is. A
    program has no bound unless one is written. It is part of every trial's identity: with another
    one, all trials are new."""
    metric: MetricName | None = None
    """The metric of a program that diverges. Default: metric.name."""


class MetricsSection(Section):
    """Where the metrics of a script are that does not log them."""

    file: Annotated[LocalPath, Field(min_length=1)] | None = None
    """A file of JSON, in the grid's folder, that the script writes before it ends."""
    pattern: str | None = None
    """A regular expression with a named group per metric, searched in what the script prints."""

    @model_validator(mode="after")
    def one_place(self) -> Self:
        """Refuse an empty section."""
        if self.file is None and self.pattern is None:
            raise rejected("needs file or pattern")
        return self


class Resources(Section):
    """The resources of each trial."""

    cpu: AutoOrCount = 1
    """The number of processors, and of threads. auto: this machine's processors divided by the
    number of trials that may run at a time, at least 1; on a cluster 1."""
    gpu: Gpus = "auto"
    """The number of GPUs. auto: run as many trials on each GPU as its memory holds, if there are
    GPUs."""
    mps: bool = False
    """Trials that share a GPU compute at the same time instead of taking turns, if NVIDIA's
    Multi-Process Service is installed. Faster for small networks."""

    @property
    def least_cpu(self) -> int:
        """The number of processors that a trial needs at least."""
        return 1 if self.cpu == "auto" else self.cpu


class ExecutionSection(Section):
    """How the trials are run. Nothing here changes their numbers, unless resources.cpu is auto and
    max_concurrent decides how many threads a trial has.
    """

    max_concurrent: AutoOrCount = "auto"
    """The number of trials at a time. auto: as many as the resources allow."""
    timeout: Duration | None = None
    """The time limit of a trial from each start. A trial that takes longer fails, and its worker is
    ended if it hangs."""
    retries: Annotated[int, Field(ge=0)] = 2
    """How often a trial is retried, after increasing delays, if its worker died or memory ran
    out."""
    max_failed: Annotated[int, Field(ge=0)] | None = None
    """Start no more trials once more than this number have failed."""
    order: Literal["seed_major", "cell_major"] = "seed_major"
    """seed_major: the first seed of every cell first. cell_major: all seeds of the first cell
    first."""
    checkpoint_interval: Duration = 60.0
    """How often the whole state of a running trial is saved, at the end of an epoch."""
    keep_checkpoints: bool = False
    """Keep the last state of finished trials."""
    capture: Capture = "auto"
    """On a GPU, replay steps as CUDA graphs, which takes less time and more memory. auto: yes,
    except for your own models."""


class NotifySection(Section):
    """Messages about a running sweep: at its first failure, if many trials diverge, and at its
    end. Each comes at most once in a run.
    """

    command: ProgramName | None = None
    """A shell command that is run for each message, with the message as its input and the facts in
    environment variables such as ADALOSS_EVENT. If it fails or takes longer than 30 s, that is a
    warning."""
    wandb: bool = False
    """Send the messages as alerts of W&B, if the sweep is mirrored online."""
    diverged_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Send a message when more than this share of the sweep's trials has diverged, such as 0.2.
    Default: none."""


WandbMode = Literal["auto", "online", "offline", "disabled"]


class WandbSection(Section):
    """How the trials appear in Weights & Biases."""

    mode: WandbMode = "auto"
    """auto: online with a login for the server, else offline."""
    project: Template | None = None
    """The project. Here and below, {model} stands for the trial's model, and likewise for other
    fields. Default: that of WANDB_PROJECT, else adaloss."""
    entity: Template | None = None
    """The user or team. Default: that of the login."""
    group: Template | None = None
    """The group that a run belongs to."""
    name: Template | None = None
    """The name of a run."""
    tags: tuple[Template, ...] = ()
    """The tags of a run."""
    notes: Template | None = None
    """The notes of a run."""
    finish_timeout: Annotated[float, Field(ge=0)] = 30.0
    """Seconds to wait for uploads after the last trial."""


class DataSection(Section):
    """The location of the data sets."""

    root: LocalPath | None = None
    """The folder of the data sets. Default: ADALOSS_DATA, else the user's cache."""


class GridTable(TableSpec):
    """Results tables: rows × columns of mean±spread over the seeds, one table per value of per."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    rows: RowField = "b0"
    """The field that varies down the table. Of a program also ``point``: a row for each
    combination of the parameters that vary, the best first."""
    columns: TrialField = "optimizer"
    """The field that varies across the table."""
    per: TrialFields = ("model",)
    """One table per value of this field, or per combination of several. null: a single table."""
    tune: TrialFields = ()
    """Show each cell at the value of this field, or of several, with the best mean validation
    metric. Without validation it is the metric that the task reports; of a program, metric.name."""
    metric: TableMetric | None = None
    """The metric of the table. Default: metric.name; with reach, epoch (other costs: step and
    seconds)."""
    at: TableAt | None = None
    """last, best_val (the epoch with the best validation accuracy), epoch N, or the first epoch
    that reaches a target: {reach: {val/top1: 95}}. Default: metric.at."""
    na_if: NaIf = "any"
    """A cell is N/A if any, the majority or all of its trials diverged."""
    spread: Spread = "std"
    """What follows the mean: the standard deviation, the standard error (sem), or half of the 95 %
    confidence interval (ci95)."""
    mark: Mark = "best"
    """What is marked in a row: the best in bold, also the second underlined, or nothing."""
    show_n: ShowN = "incomplete"
    """Show the number of seeds of incomplete cells only, or always."""
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    """Digits after the decimal point. By default two, or of a program's metric as many as tell the
    numbers of the table apart, at most six."""
    transpose: bool = False
    """Exchange rows and columns."""
    only: Point = Field({})
    """Show only cells with these values: a value, or a list of values, per field."""
    exclude: tuple[Point, ...] = ()
    """Cells to leave out of the table."""
    title: str | None = None
    """The table's title."""
    provenance: bool = True
    """Show in the caption which code version made the numbers, and when."""
    figure: bool = False
    """Draw the table against its rows as well, as the first table always is."""

    @model_validator(mode="after")
    def different_fields(self) -> Self:
        """Refuse a field in two of rows, columns, per and tune."""
        per = self.per if "per" in self.model_fields_set else ()
        names = (self.rows, self.columns, *per, *self.tune)
        for name in names:
            if names.count(name) > 1:
                where = (
                    "rows, columns, per and tune" if name in self.tune else "rows, columns and per"
                )
                raise rejected(f"has {name} in two of {where}")
        if "seed" in self.tune:
            raise rejected("cannot tune seed: it would show the luckiest one")
        return self


class Grid(Section):
    """A sweep: the values to try, the seeds, and the tables of the results."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """The name of the sweep and of the folder of its results."""
    description: str | None = None
    """A description for readers."""
    method: Method = "grid"
    """grid: every combination of the parameters. random: run_cap points, for programs only."""
    task: TaskName = DEFAULT_TASK.name
    """The kind of experiment, which decides the other parameters and the metrics."""
    metric: Metric = Metric()
    """The metric that the tables show."""
    parameters: dict[str, Any]
    """The fields of a trial: a value, or a list of the values to try."""
    seeds: Seeds = tuple(range(DEFAULT_SEEDS))
    """The seeds of every cell: a list, or a count n for the seeds 0 to n-1. A script without this
    key runs once per cell and gets no seed."""
    overrides: tuple[Override, ...] = ()
    """Other values for some of the cells. If several match, the last one applies."""
    exclude: tuple[Point, ...] = ()
    """Cells to leave out."""
    include: tuple[Point, ...] = ()
    """Extra cells. Fields with a single value in parameters need not be repeated."""
    divergence: DivergenceSection = DivergenceSection()
    resources: Resources = Resources()
    execution: ExecutionSection = ExecutionSection()
    wandb: WandbSection = WandbSection()
    notify: NotifySection = NotifySection()
    tables: Annotated[tuple[GridTable, ...], Field(min_length=1)] = (GridTable(),)
    """The results tables. Figures show the first. Default: b0 by optimizer, one table per model and
    per value of every other field that varies."""
    labels: GridLabels = {}
    """The labels of fields and values in tables, figures and pages: field: label, value: label, or
    field: {value: label}."""
    data: DataSection = DataSection()
    program: ProgramName | None = None
    """Your own training code, which is run for each trial: module:function, file.py:function or a
    script."""
    command: CommandWords | None = None
    """How a script is started, with W&B's macros such as ${program} and ${args}. Default: as
    wandb agent does."""
    python: ProgramName | None = None
    """The Python interpreter of a script. Default: that of adaloss-sweep."""
    seed_parameter: ProgramName = "seed"
    """The name under which the program gets the seed."""
    metrics: MetricsSection | None = None
    """Where a program's metrics are, if it does not log them with wandb."""
    seed: Seed = 0
    """The seed of the points of method: random."""
    project: str | None = None
    """Part of a W&B sweep file: the same as wandb.project."""
    entity: str | None = None
    """Part of a W&B sweep file: the same as wandb.entity."""
    run_cap: Annotated[int, Field(ge=1)] | None = None
    """The most trials that one run starts. The next run continues. With method: random, the number
    of points."""
