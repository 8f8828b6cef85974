"""The commands that write files to hand on: plot, report, export."""

from pathlib import Path
from typing import Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import RESULTS, Grid, Only, Output, Storage, local_path, open_results
from runners.cli.output_files import check_folder, form_of
from runners.cli.table_options import (
    AtOption,
    Columns,
    Exclude,
    MetricOption,
    NaIfOption,
    Per,
    Rows,
    SpreadOption,
    Title,
    left,
    results_of,
)

PAGE, COLUMN = "page", "column"
FORMS = ("png", "pdf", "svg")
ENDINGS = tuple(f".{name}" for name in FORMS)
OWN_PLACE = "is of the whole sweep as its grid has it: give what is not a place of its own with -o"


def plot(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    exclude: Exclude = None,
    rows: Rows = None,
    columns: Columns = None,
    per: Per = None,
    metric: MetricOption = None,
    at: AtOption = None,
    na_if: NaIfOption = None,
    spread: SpreadOption = None,
    title: Title = None,
    figure: Annotated[
        list[str] | None,
        typer.Option(help="against (b0), curves, heatmap or differences; default: all of them."),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="What the differences are from; default: adaloss.")
    ] = None,
    width: Annotated[
        str, typer.Option(help="page, or column for one column of a two-column paper.")
    ] = PAGE,
    form: Annotated[
        str | None,
        typer.Option("--format", help="png, pdf, svg, or several: png,pdf; default: png."),
    ] = None,
    output: Output = None,
) -> None:
    """Draw the figures into the sweep's folder or another, or one of them to a file."""
    from analysis.figures import COLUMN_INCHES, PAGE_INCHES, save_figure
    from analysis.figures.writing.files import AGAINST, FIGURES, figures_of, save_figures

    to_file = is_figure(output)
    kinds = figure or ([AGAINST] if to_file else list(FIGURES))
    formats = form.split(",") if form is not None else ["png"]
    for given, known, name in ((kinds, FIGURES, "figure"), (formats, FORMS, "format")):
        for value in given:
            if value not in known:
                raise UserError(f"--{name} {value}: must be one of {', '.join(known)}")
    if width not in (PAGE, COLUMN):
        raise UserError(f"--width {width}: must be {PAGE} or {COLUMN}")
    if output is not None and not to_file:
        check_folder(output, f"a figure ends in {', '.join(ENDINGS)}")
    if to_file:
        if len(formats) > 1:
            raise UserError(
                f"-o {output} is one file, and --format {form} are several: name a folder"
            )
        form_of(output, form, {name: (f".{name}",) for name in FORMS})
    changes = {
        "rows": rows,
        "columns": columns,
        "per": per,
        "metric": metric,
        "at": at,
        "na_if": na_if,
        "spread": spread,
        "title": title,
    }
    if output is None and (only or exclude or baseline or width != PAGE or any(changes.values())):
        raise UserError(f"figures/ {OWN_PLACE}, a file or a folder")
    results = results_of(grid, storage, only, exclude, **changes)
    inches = COLUMN_INCHES if width == COLUMN else PAGE_INCHES
    named = figures_of(results, kinds, baseline=baseline, width=inches)
    if output is None or not to_file:
        for path in save_figures(named, output or results.store.figures_folder, formats):
            typer.echo(f"wrote {path}", err=True)
        return
    all_named = list(named)
    if len(all_named) != 1:
        raise UserError(
            f"{len(all_named)} figures for one file: name one with --figure, and one part with "
            "--only where there is one for each; or name a folder"
        )
    ((_, draw),) = all_named
    save_figure(draw(), output)
    typer.echo(f"wrote {output}", err=True)


def is_figure(output: Path | None) -> bool:
    """Whether this is the name of one figure, not of a folder of them."""
    return output is not None and output.name.lower().endswith(ENDINGS) and not output.is_dir()


def report(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    exclude: Exclude = None,
    output: Output = None,
) -> None:
    """Write one HTML file that shows everything to somebody who does not have the tool."""
    from analysis.frame.frame import history_frame
    from analysis.outputs import pages_of, save_report
    from analysis.results import tables_of

    form_of(output, None, {"html": (".html", ".htm")})
    if output is None and (only or exclude):
        raise UserError(f"report.html {OWN_PLACE}")
    results = results_of(grid, storage, only, exclude)
    path = output or results.store.root / "report.html"
    history = history_frame(results.trials, results.store)
    save_report(results, tables_of(results), pages_of(results), path, history)
    typer.echo(f"wrote {path}", err=True)


def export(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    exclude: Exclude = None,
    form: Annotated[
        str, typer.Option("--format", help="parquet, csv or jsonl; default: parquet.")
    ] = "parquet",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The folder for the two files.",
            parser=local_path,
            metavar="<folder>",
        ),
    ] = None,
) -> None:
    """Write the data itself: one row per trial, and one per recorded epoch."""
    from analysis.export import WRITERS
    from analysis.export import export as export_to

    if form not in WRITERS:
        raise UserError(f"--format {form}: must be one of {', '.join(WRITERS)}")
    if output is not None:
        check_folder(output, "two files are written, into a folder; --format says of which kind")
    sweep, store = open_results(grid, storage)
    trials = left(sweep.trials, only, exclude)
    for path in export_to(trials, store, form, output or store.root / "export"):
        typer.echo(f"wrote {path}", err=True)
