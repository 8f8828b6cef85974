"""The commands that write files to share: plot, report, export."""

from pathlib import Path
from typing import Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import AsJson, Output, open_results, output_option
from runners.cli.other_side import OTHERS, figure_beside, with_option
from runners.cli.output import say_written
from runners.cli.output_files import check_folder, form_of
from runners.cli.request import Request, on_results

PAGE, COLUMN = "page", "column"
PAPER = "paper"
FORMS = ("png", "pdf", "svg")
ENDINGS = tuple(f".{name}" for name in FORMS)
WHOLE_SWEEP = "has the whole sweep as its grid declares it: name another place with -o"


NEEDS = {
    "sensitivity": "sensitivity needs a table with a tuned field of numbers, such as --tune lr",
    "profile": 'profile needs a table with a target, such as --at "reach val/top1 95"',
    "differences": "differences need two columns",
}

POINTS = (
    "the points of a search are in no order, and have only the figure against; name two fields "
    "with --rows and --columns for the others"
)


@on_results("rows", "columns", "per", "tune", "metric", "at", "na_if", "spread", "title")
def plot(
    request: Request,
    figure: Annotated[
        list[str] | None,
        typer.Option(
            help="against (b0), curves, heatmap, differences, sensitivity or profile; default: "
            "all; in one file, and with --with, against."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The optimizer to subtract in differences; default: adaloss.")
    ] = None,
    width: Annotated[
        str, typer.Option(help="page, or column for one column of a two-column paper.")
    ] = PAGE,
    style: Annotated[
        str, typer.Option(help="Widths and font sizes: paper, neurips, icml or slides.")
    ] = PAPER,
    form: Annotated[
        str | None,
        typer.Option("--format", help="png, pdf, svg, or several: png,pdf; default: png."),
    ] = None,
    theirs: Annotated[str | None, with_option(f"Draw against beside the same of {OTHERS}.")] = None,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Draw the figures to the sweep's folder or another, or one of them to a file."""
    from analysis.figures import save_figure
    from analysis.figures.writing.files import AGAINST, FIGURES, figures_of, save_figures, styled
    from analysis.figures.writing.style import STYLES

    to_file = is_figure(output)
    if theirs is not None and (figure or [AGAINST]) != [AGAINST]:
        raise UserError(f"--with draws the figure {AGAINST}; for differences, see compare")
    kinds = figure or ([AGAINST] if to_file or theirs is not None else list(FIGURES))
    formats = form.split(",") if form is not None else ["png"]
    for values, choices, name in ((kinds, FIGURES, "figure"), (formats, FORMS, "format")):
        for value in values:
            if value not in choices:
                raise UserError(f"--{name} {value}: must be one of {', '.join(choices)}")
    if style not in STYLES:
        raise UserError(f"--style {style}: must be one of {', '.join(STYLES)}")
    if width not in (PAGE, COLUMN):
        raise UserError(f"--width {width}: must be {PAGE} or {COLUMN}")
    if output is not None and not to_file:
        check_folder(output, f"a figure ends in {', '.join(ENDINGS)}")
    if to_file:
        if len(formats) > 1:
            raise UserError(
                f"-o {output} is one file, but --format {form} names several: name a folder"
            )
        form_of(output, form, {name: (f".{name}",) for name in FORMS})
    if output is None and not request.is_whole_sweep:
        raise UserError(f"figures/ {WHOLE_SWEEP}, a file or a folder")
    if output is None and (baseline or width != PAGE or style != PAPER):
        raise UserError(
            "figures/ has the figures of `run`, which have no --style, --width or --baseline: name "
            "another place with -o, a file or a folder"
        )
    results = request.results()
    looks = STYLES[style]
    inches = (looks.column if width == COLUMN else looks.page) / looks.scale
    found = (
        figures_of(results, kinds, baseline=baseline, width=inches)
        if theirs is None
        else [figure_beside(results, theirs, inches)]
    )
    named = list(styled(found, looks))
    if to_file and kinds == [AGAINST]:
        # Of the first table.
        named = named[:1]
    if figure and not named:
        needs = POINTS if results.spec.ranks_points else NEEDS.get(figure[0], "no such trials")
        raise UserError(f"there is nothing to draw: {needs}")
    if output is None or not to_file:
        written = save_figures(named, output or results.store.figures_folder, formats)
        say_written(written, as_json=as_json)
        return
    if len(named) != 1:
        raise UserError(
            f"{len(named)} figures for one file: select one with --figure, and if there is one "
            "for each model or the like, one part with --only; or name a folder"
        )
    ((_, draw),) = named
    save_figure(draw(), output)
    say_written([output], as_json=as_json)


def is_figure(output: Path | None) -> bool:
    """Whether this names one figure, not a folder."""
    return output is not None and output.name.lower().endswith(ENDINGS) and not output.is_dir()


@on_results()
def report(
    request: Request,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Write one HTML file with all results, for readers without the tool."""
    from analysis.frame.frame import history_frame
    from analysis.outputs import pages_of, save_report
    from analysis.results import tables_of

    form_of(output, None, {"html": (".html", ".htm")})
    if output is None and not request.is_whole_sweep:
        raise UserError(f"report.html {WHOLE_SWEEP}")
    results = request.results()
    path = output or results.store.root / "report.html"
    history = history_frame(results.trials, results.store)
    save_report(results, tables_of(results), pages_of(results), path, history)
    say_written([path], as_json=as_json)


@on_results()
def export(
    request: Request,
    form: Annotated[
        str, typer.Option("--format", help="parquet, csv, jsonl or xlsx; default: parquet.")
    ] = "parquet",
    output: Annotated[
        Path | None,
        output_option("The folder for the two files.", "<folder>"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the data: one row per trial, and one per recorded epoch."""
    from analysis.export import WRITERS
    from analysis.export import export as export_to

    if form not in WRITERS:
        raise UserError(f"--format {form}: must be one of {', '.join(WRITERS)}")
    if output is not None:
        check_folder(output, "export writes two files into a folder; --format sets their format")
    sweep, store = open_results(request.grid, request.storage)
    trials = request.trials(sweep.trials)
    written = export_to(trials, store, form, output or store.root / "export")
    say_written(written, as_json=as_json)
