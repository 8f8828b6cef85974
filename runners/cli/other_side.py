"""What ``--with`` names: published numbers, a file or another sweep, and our results beside it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from adaloss.errors import UserError
from runners.cli.options import RESULTS, open_results, say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.comparison.compare import Comparison
    from analysis.results import Results
    from analysis.tables.tables import Table

OTHERS = "published[:DATE], a CSV file, another grid or folder of results"


def with_option(text: str) -> Any:
    """The option that names the other side, with this help."""
    return typer.Option("--with", metavar="OTHER", help=text, parser=other_side)


def other_side(text: str) -> str:
    """What ``--with`` names; a URL is refused before anything is read."""
    from adaloss.records.places import url_problem

    if trouble := url_problem(text):
        raise typer.BadParameter(trouble)
    return text


def compared(ours: "Results", theirs: str) -> "Comparison":
    """Compare the first table's trials with the side that ``--with`` names.

    A grid's results are those in our storage.

    Raises:
        UserError: there is no such side, or it cannot be compared.
    """
    from adaloss.grid.sweep import resolve_grid
    from analysis.comparison.compare import compare as compare_sides
    from analysis.comparison.from_records import records_side
    from analysis.frame.frame import fields_in
    from analysis.published import named_side
    from analysis.results import read_results
    from analysis.tables.tables import check_names

    measure, na_if = ours.measure, ours.spec.na_if
    other = named_side(theirs, measure=measure)
    if other is None:
        storage = RESULTS if resolve_grid(theirs).is_dir() else ours.store.root.parent
        sweep, store = open_results(theirs, storage)
        same = {"metric": measure.metric, "at": measure.at, "only": {}, "exclude": ()}
        spec = ours.spec.model_copy(update=same)
        results = read_results(sweep, sweep.trials, store, [spec])
        # What the other sweep does not vary need not be chosen there.
        fields = fields_in(results.frame)
        spec = spec.model_copy(update={"tune": tuple(f for f in spec.tune if f in fields)})
        if spec.tune:
            check_names(spec, measure, results.frame)
        results = replace(results, specs=(spec,))
        same_name = sweep.name == ours.sweep.name
        name = f"{sweep.name} by {theirs}" if same_name else sweep.name
        other = records_side(results.chosen(), name=name, measure=measure, na_if=na_if)
    mine = records_side(ours.chosen(), name=ours.name, measure=measure, na_if=na_if)
    return compare_sides(mine, other, ours.names)


def tables_beside(results: "Results", theirs: str) -> "tuple[Table, ...]":
    """Our tables, each followed by theirs; what has no comparison stays alone, and is reported.

    Raises:
        UserError: no table can be compared.
    """
    from analysis.comparison.beside import beside
    from analysis.results import compiled

    tables: list[Table] = []
    refused: list[UserError] = []
    for spec in results.specs:
        of_spec = replace(results, specs=(spec,))
        ours = compiled(of_spec, [spec])
        try:
            for pair in beside(compared(of_spec, theirs), spec, ours):
                tables += [pair.ours] if pair.theirs is None else [pair.ours, pair.theirs]
        except UserError as error:
            refused.append(error)
            tables += ours
    if len(refused) == len(results.specs):
        raise refused[0]
    for reason in refused:
        say(f"note: a table stays alone: {reason}")
    return tuple(tables)


def figure_beside(
    results: "Results", theirs: str, width: float
) -> "tuple[str, Callable[[], Figure]]":
    """The name of the first table's figure beside theirs, and the function that draws it.

    Raises:
        UserError: the table cannot be compared.
    """
    from analysis.comparison.beside import beside
    from analysis.comparison.figure.beside import against_beside
    from analysis.results import compiled

    comparison, spec = compared(results, theirs), results.spec
    pairs = beside(comparison, spec, compiled(results, [spec]))
    there = comparison.theirs.name.removesuffix(".csv")
    title = f"{results.title} beside {there}"
    draw = partial(against_beside, comparison, spec, pairs, title=title, width=width)
    return f"against-{spec.rows}-{there}", draw
