"""What was measured, as Markdown: one table, the aims, and what a further trial costs."""

from collections.abc import Iterator, Sequence

from summary import Row, Verdict, later_overheads
from ways import WAYS

HEAD = (
    "| trials | way | wall, s | to ours | CPU, s | memory, GB | in training, s "
    "| overhead per trial, s | trainings | same numbers |\n"
    "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def page(
    rows: Sequence[Row], verdicts: Sequence[Verdict], notes: Sequence[str], workers: int
) -> str:
    """The whole page."""
    parts = [HEAD, *map(line, rows), "", *notes]
    if verdicts:
        parts += ["", "| trials | wall time of | aim | measured | |", "|---:|---|---|---:|---|"]
        parts += map(verdict_line, verdicts)
    later = list(later_lines(rows, workers))
    if later:
        parts += [
            "",
            "| way | from, to trials | overhead of a further trial, s |",
            "|---|---:|---:|",
            *later,
        ]
    return "\n".join(parts) + "\n"


def line(row: Row) -> str:
    """A way's line in the table."""
    cells = (
        f"{row.trials:,}",
        WAYS[row.way].title,
        f"{row.wall:.1f}",
        row.ratio or "",
        f"{row.cpu:.0f}",
        f"{row.memory / 1e9:.2f}",
        f"{row.training:.1f}",
        f"{row.overhead:.3f}",
        f"{row.trained:,g}",
        f"{row.same:,} of {row.trials:,}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def verdict_line(verdict: Verdict) -> str:
    """An aim's line."""
    title = WAYS[verdict.aim.way].title
    said = "met" if verdict.met else "MISSED"
    return f"| {verdict.trials:,} | {title} | {verdict.aim} | {verdict.ratio} | {said} |"


def later_lines(rows: Sequence[Row], workers: int) -> Iterator[str]:
    """The lines of what further trials cost."""
    for way, less, more, seconds in later_overheads(rows, workers):
        yield f"| {WAYS[way].title} | {less:,} to {more:,} | {seconds:.3f} |"
