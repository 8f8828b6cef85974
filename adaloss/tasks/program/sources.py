"""The metrics of a script from all places where it may leave them, as one stream of rows."""

import codecs
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from adaloss.tasks.program.reports import LineReader, PatternReader, ReportError, final_rows
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.wandb_file import FolderReader

# In this order: a name that an earlier source has is not taken from a later one.
WANDB, LINES, OUTPUT, FILE = range(4)
Read = Callable[[], list[Row]]


class Sources:
    """Reads what a script logs with wandb, appends to a file as lines of JSON, or prints.

    ``pattern`` is searched in the output, ``results`` is a file that is there at the end; both
    may be None.
    """

    def __init__(self, wandb: Path, lines: Path, pattern: str | None, results: Path | None) -> None:
        self.wandb = FolderReader(wandb)
        self.lines = LineReader(lines)
        self.output = PatternReader(re.compile(pattern)) if pattern is not None else None
        self.results = results
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.owners: dict[str, int] = {}

    def new_rows(self, output: bytes) -> list[Row]:
        """The rows since the last call; ``output`` is what was printed since then."""
        text = self.decoder.decode(output)
        reads: list[tuple[int, Read]] = [
            (WANDB, self.wandb.new_rows),
            (LINES, self.lines.new_rows),
        ]
        if self.output is not None:
            reads.append((OUTPUT, partial(self.output.rows_in, text)))
        return self.gathered(reads)

    def last_rows(self, output: bytes) -> list[Row]:
        """The rows since the last call, after the script has ended."""
        reads: list[tuple[int, Read]] = [(LINES, self.lines.finish)]
        if self.output is not None:
            reads.append((OUTPUT, self.output.finish))
        if self.results is not None:
            reads.append((FILE, partial(final_rows, self.results)))
        return self.new_rows(output) + self.gathered(reads)

    def gathered(self, reads: Iterable[tuple[int, Read]]) -> list[Row]:
        """The rows of several sources.

        Raises:
            ReportError: one cannot be read; the error has the rows that were read before.
        """
        rows: list[Row] = []
        for source, read in reads:
            try:
                rows += self.own(source, read())
            except ReportError as error:
                error.rows = (*rows, *self.own(source, error.rows))
                raise
        return rows

    @property
    def wandb_runs(self) -> int:
        """How many runs of W&B have logged rows."""
        return self.wandb.runs

    @property
    def summary(self) -> Mapping[str, float]:
        """What the script wrote into ``run.summary``."""
        return self.wandb.summary

    def own(self, source: int, rows: Iterable[Row]) -> list[Row]:
        """The rows with the values that no earlier source has given."""
        kept = []
        for row in rows:
            values = {
                name: value
                for name, value in row.values.items()
                if self.owners.get(name, source) >= source
            }
            self.owners |= dict.fromkeys(values, source)
            if values:
                kept.append(Row(row.step, values))
        return kept
