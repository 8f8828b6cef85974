"""The compiled files beside a sweep's records: tables, statistics, comparison, figures, report."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from adaloss.store import Store
from analysis.frame import history_frame
from analysis.page import Page
from analysis.published import published_page
from analysis.render import FORMATS, render
from analysis.render_page import page_markdown
from analysis.results import FIGURES, Results, figures_of, statistics_of, tables_of
from analysis.tables import Table
from analysis.wording import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.comparison.compare import Comparison

FIGURE_FORMATS = ("png", "pdf")
STATISTICS_FILE = "statistics.md"
PUBLISHED_FILE = "published_numbers.md"


class Compiled(BaseModel):
    """The identity of what was compiled last, and the figures' files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stamp: str
    figures: tuple[str, ...]


def save_everything(results: Results, command: str, version: str) -> tuple[Table, ...]:
    """Write all that can be compiled; ``command`` reproduces it. Returns the tables.

    Where the records, the grid and the code, of this ``version``, are those of the last time
    nothing is written.

    Raises:
        TableError: a table cannot be compiled as it was asked for.
    """
    tables, store = tables_of(results), results.store
    if is_current(results, version):
        return tables
    save_tables(tables, store)
    statistics, *published = pages = pages_of(results)
    save_page(statistics, store, STATISTICS_FILE)
    save_page(published[0] if published else None, store, PUBLISHED_FILE)
    drawn = save_figures(figures_of(results, FIGURES), store, FIGURE_FORMATS)
    figures = tuple(path.name for path in drawn)
    save_report(results, tables, pages, command, store.root / "report.html")
    before = compiled_before(store)
    for gone in set(before.figures if before else ()) - set(figures):
        # Its name alone: whatever the file says, nothing elsewhere is deleted.
        (store.figures_folder / Path(gone).name).unlink(missing_ok=True)
    compiled = Compiled(stamp=stamp_of(results, version), figures=figures)
    store.write_text(compiled_file(store), compiled.model_dump_json() + "\n")
    return tables


def pages_of(results: Results) -> list[Page]:
    """The statistics, and the published numbers beside the sweep's where it has any of those."""
    published = published_page(results.frame)
    return [statistics_of(results), *([published] if published is not None else [])]


def save_tables(tables: Sequence[Table], store: Store) -> None:
    """Write the tables in every format beside the records."""
    for form, suffix in FORMATS.items():
        store.write_text(store.tables_folder / f"tables{suffix}", render(tables, form))


def save_page(page: Page | None, store: Store, name: str) -> None:
    """Write a page beside the tables; take away an older one where there is none now."""
    path = store.tables_folder / name
    if page is not None:
        store.write_text(path, page_markdown(page))
    else:
        path.unlink(missing_ok=True)


def save_figures(
    figures: Iterator[tuple[str, "Figure"]], store: Store, formats: Sequence[str]
) -> Iterator[Path]:
    """Write each figure in these formats beside the records, as they are drawn; gives the files."""
    from analysis.figures import save_figure

    for name, figure in figures:
        for form in formats:
            path = store.figures_folder / f"{file_name(name)}.{form}"
            save_figure(figure, path)
            yield path


def save_report(
    results: Results, tables: Sequence[Table], pages: Sequence[Page], command: str, path: Path
) -> None:
    """Write the report; ``command`` is what runs the sweep again."""
    from analysis.report import failure_logs, report_html

    text = report_html(
        sweep=results.sweep,
        frame=results.frame,
        history=history_frame(results.trials, results.store),
        tables=tables,
        pages=pages,
        logs=failure_logs(results.frame, results.trials, results.store),
        command=command,
    )
    results.store.write_text(path, text)


def save_comparison(comparison: "Comparison", store: Store) -> Iterator[Path]:
    """Write a comparison's page, numbers and picture beside the records; gives the files."""
    from analysis.comparison.figure import comparison_figure
    from analysis.comparison.frame import comparison_csv
    from analysis.comparison.page import comparison_page

    name = file_name(f"comparison-{comparison.theirs.name}")
    page, numbers = (store.tables_folder / f"{name}.{suffix}" for suffix in ("md", "csv"))
    store.write_text(page, page_markdown(comparison_page(comparison)))
    yield page
    store.write_text(numbers, comparison_csv(comparison))
    yield numbers
    yield from save_figures(iter([(name, comparison_figure(comparison))]), store, FIGURE_FORMATS)


def is_current(results: Results, version: str) -> bool:
    """Whether the files are those of these records, this grid and this code."""
    before, root = compiled_before(results.store), results.store.root
    if before is None or before.stamp != stamp_of(results, version):
        return False
    figures = [f"figures/{name}" for name in before.figures]
    files = ("report.html", f"tables/{STATISTICS_FILE}", "tables/tables.md", *figures)
    return all((root / file).exists() for file in files)


def compiled_before(store: Store) -> Compiled | None:
    """What was compiled last, None where that is not known."""
    try:
        return Compiled.model_validate_json(compiled_file(store).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def compiled_file(store: Store) -> Path:
    """Where it is kept what was compiled last."""
    return store.root / "index" / "compiled.json"


def stamp_of(results: Results, version: str) -> str:
    """The identity of what the files show; a record is written once, at a time of its own."""
    frame = results.frame
    ends = zip(frame["trial_id"], frame["state"], frame["finished_at"], strict=True)
    digest = hashlib.sha256(f"{version}\n{results.sweep.text}\n{results.specs}".encode())
    digest.update("".join(f"{end}" for end in ends).encode())
    return digest.hexdigest()
