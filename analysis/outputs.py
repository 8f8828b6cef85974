"""Compile a sweep's files: tables, statistics, comparison, figures, report."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adaloss.records.store import Store
from analysis.attempts import Attempts, Unwritten
from analysis.compiled import (
    NO_STAMP,
    Compiled,
    compiled_before,
    compiled_file,
    forget,
    stamp_of,
    state_of,
)
from analysis.figures.writing.files import (
    FIGURE_FORMATS,
    FIGURES,
    command_to_draw,
    in_every_format,
    save_figures,
    shares_of,
    without_warnings,
    write_share,
)
from analysis.figures.writing.pool import figure_writers
from analysis.figures.writing.processes import number_of_processes
from analysis.frame.frame import history_frame
from analysis.published import published_page
from analysis.render.page import page_markdown
from analysis.render.render import FORMATS, render
from analysis.results import Results, statistics_of, tables_of
from analysis.tables.page import Page, Section
from analysis.tables.tables import Table
from analysis.tables.wording import file_name

if TYPE_CHECKING:
    import pandas as pd

    from analysis.comparison.compare import Comparison

STATISTICS_FILE = "statistics.md"
PUBLISHED_FILE = "published_numbers.md"
REPORT_FILE = "report.html"
ERRORS_FILE = "compile_errors.txt"
NO_STATISTICS = Page(
    title="Statistics",
    sections=(Section(title="Not available", before=("They could not be computed.",)),),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a person reads first: the statistics in a few sentences, and the tables.

    ``unwritten`` are the outputs that could not be made, ``errors`` the file that has their
    tracebacks, and ``kept`` the files of an earlier compilation that this one has not replaced.
    """

    answer: tuple[str, ...]
    tables: tuple[Table, ...]
    unwritten: tuple[Unwritten, ...] = ()
    errors: Path | None = None
    kept: tuple[str, ...] = ()


def save_everything(results: Results, version: str, *, draw: bool = True) -> Outcome:
    """Write all compiled files, the tables first; return what they say.

    Nothing is written if the records, the grid, the code's ``version`` and the files have not
    changed since the last time. An output that cannot be made stops no other. The next compilation
    makes all of them again.

    Without ``draw``, earlier figures are deleted in every format, because they would be outdated,
    and the next compilation with it makes everything again, figures in the formats that they had.

    Raises:
        TableError: a requested table cannot be compiled.
        OSError: the disk is full.
    """
    tables, store = tables_of(results), results.store
    stamp, before = stamp_of(results, version), compiled_before(store)
    if (
        before is not None
        and before.stamp == stamp
        and before.files == state_of(store, before.files)
    ):
        return Outcome(answer=before.answer, tables=tables)
    attempts = Attempts()
    undrawn = tuple(store.root / name for name in before.undrawn) if before else ()
    answer = write_files(results, tables, attempts, undrawn if draw else None)
    kept = tidy_and_note(stamp, answer, attempts, before, store, draw=draw)
    return Outcome(
        answer=answer,
        tables=tables,
        unwritten=tuple(attempts.unwritten),
        errors=attempts.write_errors(store.root / ERRORS_FILE),
        kept=kept,
    )


def tidy_and_note(
    stamp: str,
    answer: tuple[str, ...],
    attempts: Attempts,
    before: Compiled | None,
    store: Store,
    *,
    draw: bool,
) -> tuple[str, ...]:
    """Delete what no longer belongs to the sweep and note what was compiled; return what is kept.

    If an output could not be made, the files of the last compilation are kept, because some are
    earlier versions of this output. Without ``draw``, the files of deleted figures are noted, too.
    """
    written = {path.relative_to(store.root).as_posix() for path in attempts.written}
    others = sorted({*listed(before, store)} - written)
    there = tuple(state_of(store, others))
    kept = there if attempts.unwritten else ()
    waiting = set(before.undrawn if before and (attempts.unwritten or not draw) else ())
    if not draw:
        waiting |= {name for name in there if (store.root / name).parent == store.figures_folder}
    with attempts.attempt(compiled_file(store).relative_to(store.root).as_posix(), "run"):
        for gone in set(others) - set(kept):
            forget(gone, store)
        compiled = Compiled(
            stamp=stamp if draw and not attempts.unwritten else NO_STAMP,
            answer=answer,
            files=state_of(store, (*written, *kept)),
            undrawn=tuple(sorted(waiting - written - set(kept))),
        )
        store.write_text(compiled_file(store), compiled.model_dump_json() + "\n")
    return kept


def listed(before: Compiled | None, store: Store) -> Iterator[str]:
    """The files of the last compilation; of a figure in every format, as ``plot`` writes them."""
    for name in (*before.files, *before.undrawn) if before else ():
        yield name
        path = store.root / name
        if path.parent == store.figures_folder:
            yield from (each.relative_to(store.root).as_posix() for each in in_every_format(path))


def write_files(
    results: Results, tables: Sequence[Table], attempts: Attempts, undrawn: Sequence[Path] | None
) -> tuple[str, ...]:
    """Write every file that can be made; return the answer, empty without statistics.

    Figures in the formats of those that were left ``undrawn``, too; none if that is None.
    """
    store = results.store
    answer: tuple[str, ...] = ()
    with attempts.attempt(store.grid_path.name, "run"):
        store.write_text(store.grid_path, results.sweep.text)
    save_tables(tables, store, attempts)
    writers = nullcontext() if undrawn is None else figure_writers(attempts.add)
    with attempts.attempt("figures", "plot"), writers as have_written:
        history = None
        with attempts.attempt(REPORT_FILE, "report"):
            # The processes that draw curves then find the histories in the index.
            history = history_frame(results.trials, store)
        if have_written is not None:
            with attempts.attempt("figures", "plot"):
                begin_figures(results, attempts, have_written, undrawn or ())
        answer, pages = save_pages(results, attempts)
        if history is not None:
            with attempts.attempt(REPORT_FILE, "report"):
                report = store.root / REPORT_FILE
                save_report(results, tables, pages, report, history)
                attempts.written.append(report)
    return answer


def begin_figures(
    results: Results,
    attempts: Attempts,
    have_written: Callable[[Callable[[], Attempts]], None],
    undrawn: Sequence[Path],
) -> None:
    """Have the writers of figures write all of them."""
    elsewhere, writers = without_warnings(results), number_of_processes()
    for kind in FIGURES:
        with attempts.attempt(f"figures/{kind}", *command_to_draw(kind)):
            for share in shares_of(results, kind, writers):
                have_written(partial(write_share, elsewhere, kind, share, undrawn))


def pages_of(results: Results) -> list[Page]:
    """The statistics, and the comparison with the published numbers if the sweep has such cells."""
    published = published_page(results.frame, results.names)
    return [statistics_of(results), *([published] if published is not None else [])]


def save_tables(tables: Sequence[Table], store: Store, attempts: Attempts) -> None:
    """Write the tables in every format to the sweep's folder."""
    for form, suffix in FORMATS.items():
        path = store.tables_folder / f"tables{suffix}"
        remedy = ("table", "--format", form, "-o", str(path))
        with attempts.attempt(f"tables/{path.name}", *remedy):
            store.write_text(path, render(tables, form))
            attempts.written.append(path)


def save_pages(results: Results, attempts: Attempts) -> tuple[tuple[str, ...], list[Page]]:
    """Write the pages; return the statistics' answer, and the pages for the report.

    The report has a page that says so in place of statistics that could not be computed.
    """
    store, path = results.store, results.store.tables_folder / STATISTICS_FILE
    statistics = NO_STATISTICS
    with attempts.attempt(f"tables/{STATISTICS_FILE}", "stats", "-o", str(path)):
        statistics = statistics_of(results)
        attempts.written.append(save_page(statistics, store, STATISTICS_FILE))
    pages = [statistics]
    with attempts.attempt(f"tables/{PUBLISHED_FILE}", "compare"):
        published = published_page(results.frame, results.names)
        if published is not None:
            pages.append(published)
            attempts.written.append(save_page(published, store, PUBLISHED_FILE))
    return statistics.answer, pages


def save_page(page: Page, store: Store, name: str) -> Path:
    """Write a page to the folder of tables; return the file."""
    path = store.tables_folder / name
    store.write_text(path, page_markdown(page))
    return path


def save_report(
    results: Results,
    tables: Sequence[Table],
    pages: Sequence[Page],
    path: Path,
    history: "pd.DataFrame",
) -> None:
    """Write the report; ``history`` is that of the results' trials."""
    from analysis.report import failure_logs, report_html

    text = report_html(
        sweep=results.sweep,
        selection=results.selection,
        frame=results.frame,
        history=history,
        tables=tables,
        pages=pages,
        logs=failure_logs(results.frame, results.trials, results.store),
    )
    results.store.write_text(path, text)


def save_comparison(comparison: "Comparison", store: Store) -> Iterator[Path]:
    """Write a comparison's page, numbers and picture to the sweep's folder; yield the files."""
    from analysis.comparison.figure.figure import comparison_figure
    from analysis.comparison.frame import comparison_csv
    from analysis.comparison.page import comparison_page

    name = file_name(f"comparison-{comparison.theirs.name.removesuffix('.csv')}")
    page, numbers = (store.tables_folder / f"{name}.{suffix}" for suffix in ("md", "csv"))
    store.write_text(page, page_markdown(comparison_page(comparison)))
    yield page
    store.write_text(numbers, comparison_csv(comparison))
    yield numbers
    named = [(name, partial(comparison_figure, comparison))]
    yield from save_figures(named, store.figures_folder, FIGURE_FORMATS)
