"""The metrics of a script from all places where it may leave them, as one stream of rows."""

import codecs
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path

from adaloss.tasks.program.reports import LineReader, PatternReader, ReportError, final_rows
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.wandb_file import FolderReader

# In this order: a name that an earlier source has is not taken from a later one.
WANDB, LINES, OUTPUT, FILE = range(4)
# In seconds; a script may begin a run of W&B only for its parameters.
LONGEST_WAIT = 60.0
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
        # What was read and is not given out yet.
        self.held: list[tuple[int, Row]] = []
        self.waiting_since: float | None = None

    def new_rows(self, output: bytes, *, ended: bool = False) -> list[Row]:
        """The rows since the last call; ``output`` is what was printed since then.

        W&B writes late: until its first row all others wait, unless the script has ``ended``. Else
        the time of its writing would decide which source has a name.

        Raises:
            ReportError: one cannot be read; the error has the rows that were read before.
        """
        self.gather(self.reads(output))
        return [] if self.waits() and not ended else self.given_out()

    def last_rows(self, output: bytes) -> list[Row]:
        """The rows since the last call, after the script has ended.

        Raises:
            ReportError: as ``new_rows``.
        """
        reads: list[tuple[int, Read]] = [*self.reads(output), (LINES, self.lines.finish)]
        if self.output is not None:
            reads.append((OUTPUT, self.output.finish))
        if self.results is not None:
            reads.append((FILE, partial(final_rows, self.results)))
        self.gather(reads)
        return self.given_out()

    def reads(self, output: bytes) -> list[tuple[int, Read]]:
        """What reads each source on."""
        text = self.decoder.decode(output)
        reads: list[tuple[int, Read]] = [
            (WANDB, self.wandb.new_rows),
            (LINES, self.lines.new_rows),
        ]
        if self.output is not None:
            reads.append((OUTPUT, partial(self.output.rows_in, text)))
        return reads

    def gather(self, reads: Iterable[tuple[int, Read]]) -> None:
        """Read several sources on.

        Raises:
            ReportError: one cannot be read; the error has the rows that were read before.
        """
        for source, read in reads:
            try:
                self.held += [(source, row) for row in read()]
            except ReportError as error:
                self.held += [(source, row) for row in error.rows]
                error.rows = tuple(self.given_out())
                raise

    def waits(self) -> bool:
        """Whether a run of W&B has begun whose first row may be still to come."""
        if not self.held or self.wandb.runs or not self.wandb.has_begun:
            return False
        now = time.monotonic()
        if self.waiting_since is None:
            self.waiting_since = now
        return now - self.waiting_since < LONGEST_WAIT

    def given_out(self) -> list[Row]:
        """The rows that were read, with the values that no earlier source has given."""
        kept = []
        for source, row in sorted(self.held, key=itemgetter(0)):
            values = {
                name: value
                for name, value in row.values.items()
                if self.owners.get(name, source) >= source
            }
            self.owners |= dict.fromkeys(values, source)
            if values:
                kept.append(replace(row, values=values))
        self.held.clear()
        return kept

    @property
    def are_mixed(self) -> bool:
        """Whether rows came from several sources while the script ran."""
        return len({*self.owners.values()} - {FILE}) > 1

    @property
    def wandb_runs(self) -> int:
        """How many runs of W&B have logged rows."""
        return self.wandb.runs

    @property
    def summary(self) -> Mapping[str, float]:
        """What the script wrote into ``run.summary``."""
        return self.wandb.summary
