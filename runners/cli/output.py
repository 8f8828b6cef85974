"""Print tables, pages, trials and JSON."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from analysis.tables.page import Page
    from analysis.tables.tables import Table

WIDTH_OF_A_PIPE = 200


def print_tables(tables: "tuple[Table, ...]") -> None:
    """Print the tables to the terminal, or as plain text of any width to a pipe."""
    from analysis.render.render import render_plain, terminal_table
    from runners.pages.safe_console import SafeConsole

    console = SafeConsole()
    if not console.is_terminal:
        typer.echo(render_plain(tables), nl=False)
        return
    for compiled in tables:
        console.print(terminal_table(compiled), "")


def print_trial(trial: "Trial", store: "Store", *, as_json: bool = False) -> None:
    """Print everything that is recorded about a trial."""
    from runners.pages.safe_console import SafeConsole
    from runners.pages.trial import trial_page, trial_record

    if as_json:
        print_json(trial_record(trial, store))
        return

    # A pipe has no width to cut lines to.
    console = SafeConsole(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)
    console.print(trial_page(trial, store))


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json_text(value), nl=False)


def json_text(value: dict[str, Any]) -> str:
    """The object as JSON, which has no numbers that are not finite: they become null."""
    finite = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return json.dumps(finite, indent=2) + "\n"


def say_written(paths: "Iterable[Path]", *, as_json: bool) -> None:
    """Report each file when it has been written; with ``as_json`` print all of them at the end."""
    written = []
    for path in paths:
        typer.echo(f"wrote {path}", err=True)
        written.append(str(path))
    if as_json:
        print_json({"files": written})


def print_page(page: "Page") -> None:
    """Print a page to the terminal, or as plain text of any width to a pipe."""
    from analysis.render.page import page_plain, page_terminal
    from runners.pages.safe_console import SafeConsole

    console = SafeConsole()
    if console.is_terminal:
        console.print(page_terminal(page))
    else:
        typer.echo(page_plain(page), nl=False)


def write_or_print(text: str, output: Path | None) -> None:
    """Print the text, or write it to the file."""
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        # A path in it may not be Unicode.
        output.write_text(text, encoding="utf-8", errors="surrogateescape")
        typer.echo(f"wrote {output}", err=True)
