"""The results of a sweep for Python: a frame, tables, figures and the report."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.provenance import code_version
from adaloss.records.store import Store
from adaloss.trial import Trial
from analysis.frame.frame import build_frame
from analysis.outputs import REPORT_FILE, save_everything
from analysis.render.html import html_rows
from analysis.render.html_text import escaped
from analysis.render.render import render, render_plain
from analysis.results import Results, read_results, statistics_of, tables_of
from analysis.tables.tables import Table
from runners.api.arguments import naming_arguments
from runners.api.plans import Only, items
from runners.api.selection import in_words, leave_out, select
from runners.api.table_options import changed_tables
from runners.pages.failures import alike, reason_of
from runners.planning import Plan, make_plan

MOST_FAILURES = 10
OPTIONS = tuple(n for n in TableSpec.model_fields if n not in ("only", "exclude", "figure"))
LEFT = "text-align:left"


@dataclass(frozen=True)
class Tables(Sequence[Table]):
    """Compiled tables. A notebook shows them; ``print`` writes them as plain text."""

    tables: tuple[Table, ...]

    def __len__(self) -> int:
        return len(self.tables)

    def __getitem__(self, number: Any) -> Any:
        return self.tables[number]

    def render(self, form: str) -> str:
        """All of them as ``md``, ``csv``, ``latex``, ``siunitx`` or ``html``."""
        return render(self.tables, form)

    def __str__(self) -> str:
        return render_plain(self.tables)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "\n".join(map(table_html, self.tables))


@dataclass(frozen=True)
class Figures(Mapping[str, Path]):
    """The files of the figures by name, as PNG; a notebook shows them."""

    files: Mapping[str, Path]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, name: str) -> Path:
        return self.files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __str__(self) -> str:
        return "\n".join(map(str, self.files.values()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "\n".join(figure_html(name, file) for name, file in self.files.items())


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResults:
    """The results of a sweep, as they were when ``run`` or ``results`` returned.

    A notebook shows the answer, the tables, and how many trials are done.
    """

    read: Results
    plan: Plan
    frame: pd.DataFrame
    """One row per trial, with its fields, its state and its metrics, as of ``analysis.load``."""
    problems: tuple[str, ...] = ()
    """Why the run is not complete, in sentences."""

    @property
    def folder(self) -> Path:
        """The folder of the results."""
        return self.read.store.root

    @property
    def counts(self) -> Mapping[str, str | int]:
        """The numbers of trials, ``complete``, ``diverged``, ``failed`` and ``missing`` ones."""
        return self.plan.counts()

    @cached_property
    def answer(self) -> tuple[str, ...]:
        """What the statistics allow to say, in a few sentences; empty without results."""
        return statistics_of(self.read).answer if self.plan.results else ()

    def table(self, *, only: Only = None, exclude: Only = None, **changes: Any) -> Tables:
        """The tables of the grid, with changes by the names of the options of ``table``.

        ``result.table(rows="lr", columns="optimizer", spread="sem", only={"b0": [0.1, 1]})``.
        ``exclude`` leaves out the trials that have all of its values.

        Raises:
            UserError: a name or a value is invalid, or the table cannot be compiled.
        """
        with naming_arguments():
            left_out = items(exclude, "--exclude")
            if left_out and isinstance(exclude, Mapping):
                left_out = [",".join(left_out)]
            return Tables(tables_of(self.changed(changes, items(only), left_out)))

    def changed(
        self, changes: Mapping[str, Any], only: Sequence[str], exclude: Sequence[str]
    ) -> Results:
        """The results of the trials that are selected, with other tables."""
        if not (changes or only or exclude):
            return self.read
        if unknown := [name for name in changes if name not in OPTIONS]:
            known = ", ".join((*OPTIONS, "only", "exclude"))
            raise UserError(f"{unknown[0]} is not an option of a table; known: {known}")
        # As on the command line.
        options = {
            name: ",".join(value) if isinstance(value, list | tuple) else value
            for name, value in changes.items()
        }
        sweep, store = self.read.sweep, self.read.store
        trials = leave_out(select(self.read.trials, only), exclude)
        # Those of a smoke run are adapted to its trials.
        specs = changed_tables(replace(sweep, tables=tuple(self.read.specs)), options, trials)
        return read_results(sweep, trials, store, specs, in_words(only, exclude))

    def figures(self) -> Figures:
        """The figures of the sweep as its records are now, drawn if they are older.

        Raises:
            UserError: some cannot be drawn.
        """
        self.compile("figures")
        files = sorted(self.read.store.figures_folder.glob("*.png"))
        return Figures({file.stem: file for file in files})

    def report(self) -> Path:
        """The report of the records as they are now, one HTML file for readers without the tool.

        It is written if it is out of date.

        Raises:
            UserError: it cannot be written.
        """
        self.compile(REPORT_FILE)
        return self.folder / REPORT_FILE

    def compile(self, wanted: str) -> None:
        """Write what is out of date, and refuse if some of what is wanted cannot be written."""
        before = self.read
        # The folder is everybody's, and another process may have added records since.
        read = read_results(before.sweep, before.trials, before.store, before.specs)
        outcome = save_everything(read, code_version())
        for failed in outcome.unwritten:
            if failed.output.startswith(wanted):
                raise UserError(f"not written: {failed.output}: {failed.reason}")

    def lines(self) -> Iterator[str]:
        """How far the sweep is, and why trials failed."""
        yield f"{self.plan.sweep}: {self.plan.done_so_far}"
        groups = alike(self.plan)
        for trials in groups[:MOST_FAILURES]:
            who = trials[0].readable_name
            several = f"{len(trials)} trials, such as {who}" if len(trials) > 1 else who
            yield f"failed: {several}: {reason_of(self.plan, trials[0])}"
        if len(groups) > MOST_FAILURES:
            yield f"… and {len(groups) - MOST_FAILURES} other failures"
        yield from self.problems

    def __str__(self) -> str:
        answer = "".join(f"{line}\n\n" for line in self.answer)
        return f"{answer}{self.table()}\n" + "\n".join(self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        answer = "".join(f"<p>{escaped(line)}</p>" for line in self.answer)
        about = "<br>".join(map(escaped, (*self.lines(), f"Results: {self.folder}")))
        return f"{answer}\n{self.table()._repr_html_()}\n<p>{about}</p>"


def table_html(table: Table) -> str:
    """A table for a notebook, which has its own style."""
    return (
        f'<table><caption style="caption-side:top;{LEFT}"><strong>{escaped(table.title)}</strong>'
        f"</caption>\n{html_rows(table)}\n</table>\n<p><small>{escaped(table.caption)}</small></p>"
    )


def figure_html(name: str, file: Path) -> str:
    """A figure within the page."""
    data = base64.b64encode(file.read_bytes()).decode()
    source = f"data:image/png;base64,{data}"
    return f'<img alt="{escaped(name)}" style="max-width:100%" src="{source}">'


def results_of(
    sweep: Sweep,
    trials: tuple[Trial, ...],
    store: Store,
    specs: Sequence[TableSpec],
    problems: tuple[str, ...] = (),
) -> SweepResults:
    """Read the results of these trials."""
    return SweepResults(
        read=read_results(sweep, trials, store, specs),
        plan=make_plan(sweep.name, trials, store),
        frame=build_frame(trials, store, metrics=(sweep.grid.metric.name,)),
        problems=problems,
    )
