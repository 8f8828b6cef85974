"""The commands that print numbers: table, stats, compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adaloss.errors import UserError
from runners.cli.options import AsJson, Output, say_own_changes
from runners.cli.other_side import OTHERS, compared, tables_beside, with_option
from runners.cli.output import json_text, print_page, print_tables, write_or_print
from runners.cli.output_files import form_of, or_json
from runners.cli.request import TABLE_OPTIONS, Request, on_results

if TYPE_CHECKING:
    from pandas import DataFrame

# Further suffixes of a table's file, by format.
MORE = {"siunitx": (".tex",), "html": (".htm",)}
JSON = {"json": (".json",)}


@on_results(*TABLE_OPTIONS)
def table(
    request: Request,
    form: Annotated[
        str | None,
        typer.Option("--format", help="md, csv, latex, siunitx, html or json; default: terminal."),
    ] = None,
    as_json: AsJson = False,
    document: Annotated[
        bool, typer.Option("--document", help="LaTeX as a whole document.")
    ] = False,
    theirs: Annotated[
        str | None, with_option(f"Each table followed by the same of {OTHERS}.")
    ] = None,
    output: Output = None,
) -> None:
    """Compile the tables of results from the records; options change the grid's tables."""
    from analysis.render.render import FORMATS, render, render_document
    from analysis.render.table_records import table_record
    from analysis.results import tables_of

    endings = {name: (*MORE.get(name, ()), end) for name, end in FORMATS.items()}
    form = form_of(output, or_json(form, as_json=as_json), endings | JSON)
    if document and form not in ("latex", "siunitx"):
        raise UserError("--document is for --format latex or siunitx")
    if theirs is not None and form in ("csv", "json"):
        raise UserError(f"--with is for readers: compare --format {form} has both sides' numbers")
    results = request.results()
    say_own_changes(results.sweep, results.trials, results.store)
    tables = tables_of(results) if theirs is None else tables_beside(results, theirs)
    if form == "json":
        put_json({"tables": [table_record(compiled) for compiled in tables]}, output)
        return
    if form is None and output is None:
        print_tables(tables)
        return
    form = form or "md"
    write_or_print(render_document(tables, form) if document else render(tables, form), output)


@on_results("rows", "columns", "per", "tune", "metric", "at", "na_if")
def stats(
    request: Request,
    form: Annotated[
        str | None, typer.Option("--format", help="md or json; default: terminal.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every test, robustness and aggregates; files have all.")
    ] = False,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Compute statistics: what differs, what does not, and what could not be found out."""
    from analysis.render.page import page_markdown
    from analysis.results import statistics_frames, statistics_of

    form = form_of(output, or_json(form, as_json=as_json), {"md": (".md",)} | JSON)
    results = request.results()
    if form == "json":
        frames = statistics_frames(results)
        numbers = {name: in_json(frame) for name, frame in frames.items()}
        put_json({"answer": list(statistics_of(results).answer), **numbers}, output)
        return
    page = statistics_of(results)
    if form is None and output is None:
        print_page(page if everything else page.on_one_screen())
    else:
        write_or_print(page_markdown(page), output)


@on_results("tune", "metric", "at", "na_if")
def compare(
    request: Request,
    theirs: Annotated[
        str,
        with_option(
            "published[:DATE] (the default), a CSV file, another grid or folder of results."
        ),
    ] = "published",
    form: Annotated[
        str | None, typer.Option("--format", help="md, csv or json; default: terminal.")
    ] = None,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Compare the results with published ones, a file or another sweep, cell by cell."""
    from analysis.comparison.frame import comparison_csv, comparison_frame
    from analysis.comparison.page import comparison_page
    from analysis.outputs import save_comparison
    from analysis.render.page import page_markdown

    endings = {"md": (".md",), "csv": (".csv",)}
    form = form_of(output, or_json(form, as_json=as_json), endings | JSON)
    ours = request.results()
    comparison = compared(ours, theirs)
    if form is None and output is None:
        print_page(comparison_page(comparison))
        try:
            for path in save_comparison(comparison, ours.store):
                typer.echo(f"wrote {path}", err=True)
        # The results may belong to somebody else and be read-only.
        except OSError as error:
            typer.echo(
                f"not written to the results' folder: {error}; name a file with -o", err=True
            )
    elif form == "csv":
        write_or_print(comparison_csv(comparison), output)
    elif form == "json":
        put_json({"cells": in_json(comparison_frame(comparison))}, output)
    else:
        write_or_print(page_markdown(comparison_page(comparison)), output)


def put_json(value: dict[str, Any], output: Path | None) -> None:
    """Print a JSON object, or write it to the file."""
    write_or_print(json_text(value), output)


def in_json(frame: "DataFrame") -> list[dict[str, Any]]:
    """The rows of a frame with all digits; missing values become null."""
    rows: list[dict[Any, Any]] = (
        frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    )
    return rows
