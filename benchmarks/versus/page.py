"""The results as Markdown: the figures, the aims, and the overhead of a further trial."""

from collections.abc import Iterator, Sequence

from summary import Row, Verdict, further_overheads
from ways import WAYS

HEAD = (
    "| trials | way | runs | wall, s | to adaloss-sweep | CPU, s | memory, GB "
    "| overhead per trial, s | same numbers | records | resume | tables |\n"
    "|---:|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|"
)


def page(
    rows: Sequence[Row], verdicts: Sequence[Verdict], notes: Sequence[str], workers: int
) -> str:
    """The whole page."""
    parts = [HEAD, *map(line, rows), "", *notes]
    if verdicts:
        parts += ["", "| trials | wall time of | aim | measured | |", "|---:|---|---|---:|---|"]
        parts += map(verdict_line, verdicts)
    further = list(further_lines(rows, workers))
    if further:
        parts += [
            "",
            "| way | from, to trials | overhead of a further trial, s |",
            "|---|---:|---:|",
            *further,
        ]
    return "\n".join(parts) + "\n"


def line(row: Row) -> str:
    """The row of a way."""
    way = WAYS[row.way]
    more = "" if row.trained == row.trials else f", {row.trained:,g} trainings"
    cells = (
        f"{row.trials:,}",
        way.title,
        row.repetitions,
        f"{row.wall:.1f}",
        row.ratio or "",
        f"{row.cpu:.0f}",
        f"{row.memory / 1e9:.2f}",
        f"{row.overhead:.3f}",
        f"{row.same:,} of {row.trials:,}{more}",
        way.records,
        way.resume,
        way.tables,
    )
    return f"| {' | '.join(map(str, cells))} |"


def verdict_line(verdict: Verdict) -> str:
    """The row of an aim."""
    title = WAYS[verdict.aim.way].title
    result = "met" if verdict.met else "MISSED"
    return f"| {verdict.trials:,} | {title} | {verdict.aim} | {verdict.ratio} | {result} |"


def further_lines(rows: Sequence[Row], workers: int) -> Iterator[str]:
    """The rows of the overheads of further trials."""
    for way, less, more, seconds in further_overheads(rows, workers):
        yield f"| {WAYS[way].title} | {less:,} to {more:,} | {seconds:.3f} |"
