"""Read a file of results as a side: a user's list of cells, or the CSV of compiled tables."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from adaloss.errors import UserError
from analysis.comparison.file.cells import entries_of_cells
from analysis.comparison.file.entry import Entry, repeated
from analysis.comparison.file.lines import ResultsFileError, read_results_file
from analysis.comparison.file.tables import entries_of_tables, is_tables_file
from analysis.comparison.from_records import EPOCHS
from analysis.comparison.side import EPOCH, METRIC, ROUNDING, SPREAD, Caveat, Side, SideCell
from analysis.stats.robustness import is_accuracy
from analysis.tables.measure import Measure


def file_side(path: Path, *, measure: Measure) -> Side:
    """The cells of a CSV file that have this measure, or no stated one.

    Two kinds are read. A list of cells has a column for any field of a trial, with values as in a
    grid, ``mean`` (empty is N/A) and, where known, ``std``, ``n`` or ``runs``, ``metric`` and
    ``at``. The other is what :mod:`analysis.render.csv` writes. Fields without a column are
    unknown. Lines with other metrics or epochs are skipped, with a caveat.

    Raises:
        ResultsFileError: the message has all problems of the file with their lines and columns.
        UserError: the file cannot be read, or does not have this metric.
    """
    file = read_results_file(path)
    from_tables = is_tables_file(file)
    entries, problems = entries_of_tables(file) if from_tables else entries_of_cells(file)
    problems += repeated(entries) if not problems else []
    if problems:
        raise ResultsFileError(path, problems)
    chosen = of_measure(path, entries, measure)
    known: Mapping[str, str | None] = {SPREAD: "ddof = 1", ROUNDING: "none"} if from_tables else {}
    metric, at = chosen[0].metric, chosen[0].at
    return Side(
        name=str(path),
        cells=tuple(map(cell_of_entry, chosen)),
        measure=None if metric is None else measure,
        circumstances={
            METRIC: None if metric is None else measure.label,
            EPOCH: None if at is None else EPOCHS.get(at, at),
            **known,
        },
        caveats=(
            *caveats_of(len(entries) - len(chosen), entries, from_tables=from_tables),
            *fractions(chosen, measure),
        ),
    )


def cell_of_entry(entry: Entry) -> SideCell:
    """The side's cell."""
    numbers = entry.numbers
    return SideCell(
        fields=entry.fields,
        mean=numbers.mean,
        std=numbers.std,
        n=numbers.n,
        status=entry.status,
        expected=entry.expected,
    )


def of_measure(path: Path, entries: Sequence[Entry], measure: Measure) -> list[Entry]:
    """The entries with this metric and, if the file has epochs, with this epoch."""
    metrics = tuple(dict.fromkeys(entry.metric or "unknown" for entry in entries))
    if metrics != ("unknown",) and measure.metric not in metrics:
        raise UserError(f"{path} has {', '.join(metrics)}, not {measure.metric}: compare that")
    if metrics != ("unknown",):
        entries = [entry for entry in entries if entry.metric == measure.metric]
    epochs = tuple(dict.fromkeys(entry.at or "unknown" for entry in entries))
    if len(epochs) == 1:
        return list(entries)
    if measure.at not in epochs:
        raise UserError(f"{path} has the epochs {', '.join(epochs)}, not {measure.at}: keep one")
    return [entry for entry in entries if entry.at == measure.at]


def fractions(entries: Sequence[Entry], measure: Measure) -> Iterator[Caveat]:
    """A caveat if all accuracies look like fractions."""
    means = [entry.numbers.mean for entry in entries if entry.numbers.mean is not None]
    if is_accuracy(measure) and means and max(means) <= 1:
        yield Caveat(
            text="No accuracy there is above 1, as if they were fractions: ours are percentages"
        )


def caveats_of(left_out: int, entries: Sequence[Entry], *, from_tables: bool) -> list[Caveat]:
    """Caveats on how the file was read."""
    caveats = []
    if left_out:
        caveats.append(Caveat(text=f"Skipped lines there with another metric or epoch: {left_out}"))
    from_title = [
        name
        for name in entries[0].fields
        if from_tables
        and name not in (entries[0].line.texts["row_field"], entries[0].line.texts["column_field"])
    ]
    if from_title:
        caveats.append(
            Caveat(text=f"{' and '.join(from_title)} there: read from the titles of the tables")
        )
    return caveats
