"""Compile a sweep's files: tables, statistics, comparison, figures, report."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from adaloss.records.store import METRICS_FILE, RESULT_FILE, Store
from analysis.figures.writing.files import (
    FIGURE_FORMATS,
    FIGURES,
    save_figures,
    shares_of,
    without_warnings,
    write_share,
)
from analysis.figures.writing.pool import figure_writers
from analysis.figures.writing.processes import number_of_processes
from analysis.frame.frame import history_frame
from analysis.frame.index import stamps_of
from analysis.published import published_page
from analysis.render.page import page_markdown
from analysis.render.render import FORMATS, render
from analysis.results import Results, statistics_of, tables_of
from analysis.tables.own_changes import NOW
from analysis.tables.page import Page
from analysis.tables.tables import Table
from analysis.tables.wording import file_name

if TYPE_CHECKING:
    import pandas as pd

    from analysis.comparison.compare import Comparison

STATISTICS_FILE = "statistics.md"
PUBLISHED_FILE = "published_numbers.md"


class Compiled(BaseModel):
    """The digest of the last compiled content, its answer, and its files with sizes and times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stamp: str
    answer: tuple[str, ...] = ()
    files: dict[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a person reads first: the statistics in a few sentences, and the tables."""

    answer: tuple[str, ...]
    tables: tuple[Table, ...]


def save_everything(results: Results, version: str) -> Outcome:
    """Write all compiled files; return what they say.

    Nothing is written if the records, the grid, the code's ``version`` and the files have not
    changed since the last time.

    Raises:
        TableError: a requested table cannot be compiled.
    """
    tables, store = tables_of(results), results.store
    stamp, before = stamp_of(results, version), compiled_before(store)
    if (
        before is not None
        and before.stamp == stamp
        and before.files == state_of(store, before.files)
    ):
        return Outcome(answer=before.answer, tables=tables)
    answer, written = written_files(results, tables)
    for gone in set(before.files if before else ()) - set(written):
        forget(gone, store)
    compiled = Compiled(stamp=stamp, answer=answer, files=state_of(store, written))
    store.write_text(compiled_file(store), compiled.model_dump_json() + "\n")
    return Outcome(answer=answer, tables=tables)


def written_files(
    results: Results, tables: Sequence[Table]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write every file; the answer, and the files' paths below the sweep's folder."""
    store = results.store
    store.write_text(store.grid_path, results.sweep.text)
    paths = list(save_tables(tables, store))
    figures: list[Path] = []
    with figure_writers(figures) as have_written:
        elsewhere, writers = without_warnings(results), number_of_processes()
        # The processes that draw curves then find the histories in the index.
        history = history_frame(results.trials, store)
        for kind in FIGURES:
            for share in shares_of(results, kind, writers):
                have_written(partial(write_share, elsewhere, kind, share))
        statistics, *published = pages = pages_of(results)
        paths.append(save_page(statistics, store, STATISTICS_FILE))
        paths += [save_page(page, store, PUBLISHED_FILE) for page in published]
        paths.append(store.root / "report.html")
        save_report(results, tables, pages, paths[-1], history)
    written = (path.relative_to(store.root).as_posix() for path in (*paths, *figures))
    return statistics.answer, tuple(written)


def pages_of(results: Results) -> list[Page]:
    """The statistics, and the comparison with the published numbers if the sweep has such cells."""
    published = published_page(results.frame, results.names)
    return [statistics_of(results), *([published] if published is not None else [])]


def save_tables(tables: Sequence[Table], store: Store) -> Iterator[Path]:
    """Write the tables in every format to the sweep's folder; yield the files."""
    for form, suffix in FORMATS.items():
        path = store.tables_folder / f"tables{suffix}"
        store.write_text(path, render(tables, form))
        yield path


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


def state_of(store: Store, files: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The size and modification time of each file that exists."""
    found = {}
    for name in files:
        with contextlib.suppress(OSError):
            status = (store.root / name).stat()
            found[name] = (status.st_size, status.st_mtime_ns)
    return found


def forget(name: str, store: Store) -> None:
    """Delete a file that was compiled before and does not belong to the sweep."""
    path = store.root / name
    # Whatever compiled.json lists, only tables, pages and figures are deleted.
    if path.parent in (store.tables_folder, store.figures_folder):
        path.unlink(missing_ok=True)


def compiled_before(store: Store) -> Compiled | None:
    """The last compilation, None if it is unknown."""
    try:
        return Compiled.model_validate_json(compiled_file(store).read_bytes())
    except (OSError, ValidationError):
        return None


def compiled_file(store: Store) -> Path:
    """The file that describes the last compilation."""
    return store.root / "index" / "compiled.json"


def stamp_of(results: Results, version: str) -> str:
    """A digest of everything that the files depend on: the grid, the code and every record."""
    trials = {trial.trial_id: trial for trial in results.trials}
    digest = hashlib.sha256(f"{version}\n{results.sweep.text}\n{results.specs}".encode())
    for record in (RESULT_FILE, METRICS_FILE):
        for known in sorted(stamps_of(trials, results.store, record)):
            digest.update(str(known).encode())
    digest.update("".join(sorted(trials)).encode())
    if NOW in results.frame:
        digest.update("".join(map(str, dict.fromkeys(results.frame[NOW]))).encode())
    return digest.hexdigest()
