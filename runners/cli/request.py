"""The arguments that the commands on results share: defined once, requested by name."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runners.cli.options import RESULTS, Grid, Only, Storage, open_results

if TYPE_CHECKING:
    from adaloss.trial import Trial
    from analysis.results import Results

Text = str | None
Exclude = Annotated[
    list[str] | None,
    typer.Option(help="Exclude trials that have all of these values: b0=1,optimizer=adaloss."),
]
TABLE_OPTIONS: Mapping[str, Any] = {
    "rows": Annotated[Text, typer.Option(help="The field that varies down the table.")],
    "columns": Annotated[Text, typer.Option(help="The field that varies across the table.")],
    "per": Annotated[
        Text, typer.Option(help="A table for each value of these fields: model,lr; none: one.")
    ],
    "tune": Annotated[
        Text,
        typer.Option(
            help="Show each cell at the best value of this field, on validation if there is any."
        ),
    ],
    "metric": Annotated[Text, typer.Option(help="A logged metric.")],
    "at": Annotated[Text, typer.Option(help='last, best_val, "epoch N" or "reach val/top1 95".')],
    "na_if": Annotated[
        Text, typer.Option(help="A cell is N/A if any, majority or all of its trials diverged.")
    ],
    "spread": Annotated[Text, typer.Option(help="std, sem or ci95.")],
    "mark": Annotated[Text, typer.Option(help="none, best or best_and_second.")],
    "show_n": Annotated[Text, typer.Option(help="incomplete or always.")],
    "decimals": Annotated[int | None, typer.Option(help="Digits after the decimal point.")],
    "transpose": Annotated[
        bool | None,
        typer.Option("--transpose/--no-transpose", help="Exchange rows and columns."),
    ],
    "title": Annotated[Text, typer.Option(help="The title.")],
    "provenance": Annotated[
        bool | None,
        typer.Option(
            "--provenance/--no-provenance", help="Show code version and date in captions."
        ),
    ],
}
"""Options that change the grid's tables, by the field of :class:`TableSpec`; None: no change."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The results that a command reads: a sweep, a part of its trials, and changed tables."""

    grid: str
    storage: Path
    only: list[str] | None
    exclude: list[str] | None
    changes: Mapping[str, Any]

    @property
    def is_whole_sweep(self) -> bool:
        """Whether neither the trials nor the tables differ from the grid's."""
        return not (self.only or self.exclude or any(self.changes.values()))

    def trials(self, declared: "tuple[Trial, ...]") -> "tuple[Trial, ...]":
        """The trials that ``--only`` and ``--exclude`` leave."""
        from runners.api.selection import leave_out, select

        return leave_out(select(declared, self.only or ()), self.exclude or ())

    def results(self) -> "Results":
        """Read the results of the selected trials, with the changed tables."""
        from analysis.results import read_results
        from runners.api.selection import in_words
        from runners.api.table_options import changed_tables

        sweep, store = open_results(self.grid, self.storage)
        trials = self.trials(sweep.trials)
        tables = changed_tables(sweep, self.changes, trials)
        part = in_words(self.only or (), self.exclude or ())
        return read_results(sweep, trials, store, tables, part)


def on_results(*table_options: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the shared arguments, and these of :data:`TABLE_OPTIONS`.

    The decorated function receives a :class:`Request` first, then its own arguments.
    """
    shared = [
        parameter("grid", Grid, inspect.Parameter.empty),
        parameter("storage", Storage, RESULTS),
        parameter("only", Only, None),
        parameter("exclude", Exclude, None),
        *(parameter(name, TABLE_OPTIONS[name], None) for name in table_options),
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            changes = {name: values.pop(name) for name in table_options}
            names = ("grid", "storage", "only", "exclude")
            request = Request(changes=changes, **{name: values.pop(name) for name in names})
            command(request, **values)

        parameters = [*shared, *own]
        # typer reads both.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """A parameter that typer passes by name."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, annotation=annotation, default=default)
