"""The view of a running sweep in a notebook: the terminal's, redrawn in one output."""

import io
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from adaloss.trial import Trial
from runners.pages.progress import REFRESHES_PER_SECOND, LiveProgress
from runners.pages.safe_console import SafeConsole
from runners.planning import Plan

WIDTH = 110
FRAME = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;font-family:Menlo,'
    "'DejaVu Sans Mono',consolas,'Courier New',monospace\">{code}</pre>"
)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return Console(file=io.StringIO()).is_jupyter


class NotebookConsole(SafeConsole):
    """Prints lines below the cell: not to standard error, which notebooks show as an error."""

    def __init__(self) -> None:
        # Named now: while Ray runs, what is printed goes to its log.
        super().__init__(file=sys.stdout, force_jupyter=False, force_terminal=False, width=WIDTH)


class NotebookProgress(LiveProgress):
    """The whole sweep in an output of the cell, redrawn at most some times a second."""

    def __init__(
        self, plan: Plan, to_run: Sequence[Trial], console: Console, spec: TableSpec
    ) -> None:
        super().__init__(plan, to_run, console, spec)
        self.drawn_at = time.monotonic()
        self.update = shown(self.content())

    def draw(self, *, at_once: bool = False) -> None:
        """Draw the current state, if it was not drawn a moment ago."""
        now = time.monotonic()
        if at_once or now - self.drawn_at > 1 / REFRESHES_PER_SECOND:
            self.drawn_at = now
            self.update(self.content())

    def content(self) -> dict[str, str]:
        """The view as HTML and as text."""
        page = SafeConsole(
            file=io.StringIO(), record=True, width=WIDTH, force_jupyter=False,
            force_terminal=True, color_system="truecolor",
        )  # fmt: skip
        page.print(self)
        return {
            "text/html": page.export_html(inline_styles=True, code_format=FRAME, clear=False),
            "text/plain": page.export_text(),
        }

    def trial_started(self, trial: Trial) -> None:
        """A worker has started the trial."""
        super().trial_started(trial)
        self.draw()

    def epoch_ended(self, trial: Trial, epoch: int, loss: float | None) -> None:
        """The trial has recorded an epoch."""
        super().epoch_ended(trial, epoch, loss)
        self.draw()

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """The trial has a result."""
        super().trial_ended(trial, state, message)
        self.draw()


def shown(content: dict[str, str]) -> Callable[[dict[str, str]], None]:
    """Show this below the cell; return the function that replaces it."""
    from IPython.display import display

    handle: Any = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    return lambda new: handle.update(new, raw=True)
