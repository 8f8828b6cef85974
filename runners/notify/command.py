"""Run the user's command for an event: it can fail or hang without harm to the sweep."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from tempfile import TemporaryFile

from adaloss.records.printable import printable_line, shortened

SECONDS = 30.0
MOST_CHARACTERS = 200

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Runs ``command`` with a shell for each event, in threads.

    A command that fails or takes longer than ``limit`` seconds is a warning. Its ``environment`` is
    the one before Ray starts: a run marks what it starts later, and ends it.
    """

    command: str
    say: Say
    limit: float = SECONDS
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    running: list[threading.Thread] = field(default_factory=list)

    def start(self, sentence: str, facts: Mapping[str, str]) -> None:
        """Start it with the facts in its environment and the sentence as its input."""
        thread = threading.Thread(target=self.run, args=(sentence, facts), daemon=True)
        self.running.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait for those that run, until their time limit."""
        for thread in self.running:
            thread.join()

    def run(self, sentence: str, facts: Mapping[str, str]) -> None:
        """Run it once, and warn if that fails."""
        try:
            problem = self.problem(sentence, facts)
        except OSError as error:
            problem = f"could not be started: {error}"
        if problem:
            self.say(printable_line(f"warning: notify: `{self.command}` {problem}"))

    def problem(self, sentence: str, facts: Mapping[str, str]) -> str | None:
        """Run it; what went wrong, as the end of a sentence."""
        # Files, not pipes: a process that it leaves behind would keep a pipe open.
        with TemporaryFile() as given, TemporaryFile() as printed:
            given.write(f"{sentence}\n".encode())
            given.seek(0)
            process = subprocess.Popen(
                self.command,
                shell=True,
                stdin=given,
                stdout=printed,
                stderr=printed,
                env={**self.environment, **facts},
                # Ctrl-C on the terminal reaches the driver only.
                start_new_session=True,
            )
            try:
                status = process.wait(self.limit)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return f"was ended after {self.limit:g} s"
            printed.seek(0)
            lines = printed.read().decode(errors="replace").strip().splitlines()
        if status == 0:
            return None
        said = f": {shortened(lines[-1], MOST_CHARACTERS)}" if lines else ""
        return f"ended with exit code {status}{said}"
