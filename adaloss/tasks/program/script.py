"""Run a script of the user's as a trial, and take what it logs row by row."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from adaloss.records.places import Places
from adaloss.records.printable import shortened
from adaloss.records.result import DeviceMemory, FailureKind
from adaloss.tasks.failures import SIGNS_OF_NO_MEMORY
from adaloss.tasks.program.calls import CHECKPOINT, forget, thawed
from adaloss.tasks.program.command import (
    DEFAULT_COMMAND,
    args_json,
    command_line,
    needs_args_file,
)
from adaloss.tasks.program.environment import READS_FILE, grouped, wandb_environment
from adaloss.tasks.program.errors import ProgramError, ProgramLostError
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.program.gpu_memory import GpuMemory
from adaloss.tasks.program.metrics_file import lock_of, wait_for
from adaloss.tasks.program.process import ScriptProcess
from adaloss.tasks.program.reads import Reads, reads_in
from adaloss.tasks.program.reaper import Reaper, end_processes
from adaloss.tasks.program.reports import ReportError
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.sources import Sources
from adaloss.tasks.program.wandb_file import WandbFileError

SECONDS_BETWEEN_LOOKS = 0.25
LINES_OF_A_FAILURE = 30
LONGEST_LINE, LONGEST_MESSAGE = 2_000, 300
NO_MEMORY = (*SIGNS_OF_NO_MEMORY, "MemoryError", "OutOfMemoryError", "CUDA out of memory")
# A shell reports so the signal that ended its command.
SHELL_SIGNAL = 128
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
UNKNOWN_OPTION = ("unrecognized argument", "No such option", "no such option", "Unknown command")
TRACEBACK = "Traceback (most recent call last)"
AN_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception)\b")
REPORTS, ARGUMENTS = "reports.jsonl", "parameters.json"


class ScriptReports:
    """The rows of a script, which is started when the first one is wanted.

    ``capture`` is the folder for what is read while it runs, ``folder`` that of the script's own
    files.
    """

    def __init__(
        self,
        trial: ProgramTrial,
        places: Places,
        folder: Path,
        capture: Path,
        *,
        threads: int,
        reaper: Reaper,
        gpu: GpuMemory | None = None,
    ) -> None:
        self.trial = trial
        self.places = places
        self.folder = folder.absolute()
        self.capture = capture.absolute()
        self.threads = threads
        self.reaper = reaper
        self.gpu = gpu
        self.process: ScriptProcess | None = None
        self.rows: deque[Row] = deque()
        self.last_lines: deque[str] = deque(maxlen=LINES_OF_A_FAILURE)
        self.has_ended = False
        self.error: Exception | None = None
        self.is_closed = False
        results = trial.metrics_file
        self.results = None if results is None else self.home / results
        self.lock = None if self.results is None else lock_of(self.results)
        self.sources = self.new_sources()

    def new_sources(self) -> Sources:
        """Where the script leaves its metrics, read from the beginning."""
        reports, pattern = self.capture / REPORTS, self.trial.metrics_pattern
        return Sources(self.capture, reports, pattern, self.results)

    @property
    def home(self) -> Path:
        """The working folder of the script: the grid's."""
        return self.places.own_folders[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters with the seed, by their names in the script."""
        values = {name: thawed(value) for name, value in self.trial.parameters}
        values = grouped(values, self.trial.groups)
        named = self.trial.seed_parameter
        return values if named is None else {**values, named: self.trial.seed}

    def has_checkpoint(self) -> bool:
        """Whether an earlier start has left a checkpoint."""
        return os.path.lexists(self.folder / CHECKPOINT)

    def forget_checkpoint(self) -> None:
        """Remove the checkpoint of an earlier start."""
        forget(self.folder / CHECKPOINT)

    @property
    def mark(self) -> str:
        """What only the processes of this trial have in their environment."""
        return f"ADALOSS_REPORT={self.capture / REPORTS}"

    def left_behind(self) -> list[Row]:
        """What the script of a killed worker logged, which that worker may not have read."""
        end_processes(None, self.mark)
        try:
            return self.new_sources().new_rows(b"", ended=True)
        except ReportError as error:
            return list(error.rows)
        # Damaged by the kill. If a report is missing now, the trial starts over.
        except WandbFileError:
            return []

    def start_over(self) -> None:
        """End the script and start it again, without its checkpoint."""
        self.close()
        self.forget_checkpoint()
        self.process, self.error, self.has_ended, self.is_closed = None, None, False, False
        self.rows.clear()
        self.last_lines.clear()
        self.sources = self.new_sources()

    def next_row(self) -> Row | None:
        """The next row, None if the script has ended well.

        Raises:
            ProgramError: it failed, or what it reports cannot be read.
            ProgramLostError: it was killed.
        """
        if self.process is None:
            self.process = self.started()
        while not self.rows and not self.has_ended:
            self.look(self.process)
        if self.rows:
            return self.rows.popleft()
        if self.error is not None:
            raise self.error
        return None

    def started(self) -> ScriptProcess:
        """Start the script."""
        end_processes(None, self.mark)
        self.clear_capture()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.results is not None and self.lock is not None:
            wait_for(self.lock, self.results)
            # Else the results of an earlier trial would count as those of this one.
            self.results.unlink(missing_ok=True)
        trial, arguments = self.trial, self.capture / ARGUMENTS
        if needs_args_file(trial.command):
            arguments.write_text(args_json(self.parameters), "utf-8")
        line = command_line(
            trial.command,
            trial.program,
            trial.python or sys.executable,
            self.parameters,
            arguments,
            self.home,
        )
        self.reaper.watch(None, self.mark)
        try:
            process = ScriptProcess(line, self.home, self.environment())
        except OSError as error:
            raise ProgramError(f"{line[0]} cannot be started: {error.strerror}") from error
        self.reaper.watch(process.group, self.mark)
        return process

    def clear_capture(self) -> None:
        """Make the capture folder empty.

        Under another name, it is out of the way even if a process still writes into it.
        """
        old = self.capture.with_name(f"{self.capture.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.capture.rename(old)
        shutil.rmtree(old, ignore_errors=True)
        self.capture.mkdir(parents=True)

    def environment(self) -> dict[str, str]:
        """The variables of the script's process."""
        threads = str(self.threads)
        ours = {
            "ADALOSS_REPORT": str(self.capture / REPORTS),
            "ADALOSS_FOLDER": str(self.folder),
            "ADALOSS_CHECKPOINT": str(self.folder / CHECKPOINT),
            "PYTHONUNBUFFERED": "1",
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads),
        }
        base = {**os.environ, **ours}
        return wandb_environment(self.capture, self.trial.trial_id, self.parameters, base)

    def look(self, process: ScriptProcess) -> None:
        """Take what the script has printed and logged, and notice its end."""
        output = process.wait(SECONDS_BETWEEN_LOOKS)
        if self.gpu is not None:
            self.gpu.look(process.group, self.mark)
        if process.code is None:
            self.print(output)
            with self.reporting():
                self.rows.extend(self.sources.new_rows(output))
            return
        output += process.rest()
        self.print(output)
        code = process.process.returncode
        # Before its other processes end, which may have last words.
        failure = self.failure(code) if code != 0 else None
        self.end()
        self.has_ended = True
        with self.reporting():
            if code == 0:
                self.rows.extend(self.sources.last_rows(output))
            else:
                self.rows.extend(self.sources.new_rows(output, ended=True))
        self.close()
        if failure is not None:
            # What it logged before it failed is recorded first.
            self.error = failure

    def print(self, output: bytes) -> None:
        """Print the script's output, which goes to the trial's log."""
        if output:
            text = output.decode(errors="backslashreplace")
            sys.stdout.write(text)
            parts = text.replace("\r", "\n").split("\n")
            if self.last_lines:
                parts[0] = self.last_lines.pop() + parts[0]
            self.last_lines.extend(parts)

    def failure(self, code: int) -> ProgramError | ProgramLostError:
        """Why a script with this exit code has failed."""
        lines = [line.rstrip() for line in self.last_lines if line.strip()]
        # Of a traceback, the line that names the error: its message may have several.
        starts = [n for n, line in enumerate(lines) if line.startswith(TRACEBACK)]
        of_trace = lines[starts[-1] :] if starts else []
        errors = [line for line in of_trace if AN_ERROR.match(line)] or lines[-1:]
        last = shortened(errors[-1].strip(), LONGEST_MESSAGE) if lines else "it printed nothing"
        output = "\n".join(shortened(line, LONGEST_LINE) for line in lines)
        number = -code if code < 0 else code - SHELL_SIGNAL
        with contextlib.suppress(ValueError):
            ended_by = signal.Signals(number)
            if ended_by in FROM_OUTSIDE:
                return ProgramLostError(f"{self.trial.program} was killed ({ended_by.name})")
            return ProgramError(f"killed by {ended_by.name}: {last}", output=output)
        if any(sign in line for sign in NO_MEMORY for line in lines):
            return ProgramError(f"exit code {code}: {last}", FailureKind.OUT_OF_MEMORY, output)
        return ProgramError(f"exit code {code}: {last}{self.hint(last)}", output=output)

    def hint(self, last: str) -> str:
        """What to do about an option that the script does not know."""
        if not any(sign in last for sign in UNKNOWN_OPTION):
            return ""
        named = self.trial.seed_parameter
        if named is None or f"--{named}" not in last:
            own = [name for name, _ in self.trial.parameters if f"--{name}" in last]
            wrong = f" (the script has no parameter {', '.join(own)}: correct the grid's name)"
            return wrong if own else ""
        return (
            f" (the script has no parameter {named}: write seed_parameter: NAME if the seed has "
            "another name there, or leave out seeds to run every cell once without a seed)"
        )

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """What cannot be read is the trial's failure, after what could be read before it."""
        try:
            yield
        except ReportError as error:
            self.rows.extend(error.rows)
            self.close()
            self.has_ended = True
            self.error = ProgramError(str(error))

    @property
    def reads(self) -> Reads | None:
        """What the script has looked at so far, None if that is not known."""
        return reads_in(self.capture / READS_FILE)

    @property
    def on_command_line(self) -> bool:
        """Whether the command passes the parameters one by one."""
        return any("${args" in word for word in self.trial.command or DEFAULT_COMMAND)

    def unread(self) -> tuple[str, ...]:
        """The parameters that the script certainly has not looked at."""
        return self.never_read(name for name, _ in self.trial.parameters)

    def never_read(self, names: Iterator[str]) -> tuple[str, ...]:
        """Those of the names that the script certainly has not looked at."""
        reads = self.reads
        as_json = any("${args_json" in word for word in self.trial.command or ())
        if reads is None or as_json:
            return ()
        return reads.unread(names, on_command_line=self.on_command_line)

    def ignores_the_seed(self) -> bool:
        """Whether the script gets a seed and certainly has not looked at it."""
        named = self.trial.seed_parameter
        return named is not None and bool(self.never_read(iter((named,))))

    def notes(self) -> tuple[str, ...]:
        """That its rows are of several runs or sources, which its trial does not tell apart."""
        runs = self.sources.wandb_runs
        notes: tuple[str, ...] = ()
        if runs > 1:
            notes += (
                f"{self.trial.program} logged {runs} runs of W&B in one trial: the rows of all are "
                "one curve, and the last row of it is the trial's; log what counts in one run",
            )
        if self.sources.are_mixed:
            notes += (
                f"{self.trial.program} reports in several ways at the same time (W&B, a file, its "
                "output), and which row comes first is not certain: the number of an epoch may be "
                "another one in another run; report everything in one way",
            )
        return notes

    @property
    def summary(self) -> Mapping[str, float]:
        """What the script wrote into ``run.summary``."""
        return self.sources.summary

    @property
    def python(self) -> str | None:
        """The version of the grid's own interpreter, None where it is that of this process."""
        return None if self.trial.python is None else version_of(self.trial.python)

    @property
    def memory(self) -> DeviceMemory | None:
        """The GPU memory that its processes were seen to use."""
        return None if self.gpu is None else self.gpu.measured

    def close(self) -> None:
        """End the script, and let others write its file of metrics."""
        self.end()
        if self.lock is not None:
            self.lock.release()

    def end(self) -> None:
        """End every process of the script, and print the rest of its output."""
        # Once only: the number of a group that has ended may become another's.
        if self.process is not None and not self.is_closed:
            self.is_closed = True
            end_processes(self.process.group, self.mark)
            rest = self.process.rest()
            self.process.close()
            self.reaper.watch(None, None)
            self.print(rest)
            if self.last_lines and self.last_lines[-1]:
                # What the log says next begins a line of its own.
                self.print(b"\n")


@lru_cache
def version_of(interpreter: str) -> str:
    """The version of an interpreter of Python, asked once per worker; ``unknown`` if it fails."""
    line = [interpreter, "-c", "import platform; print(platform.python_version())"]
    try:
        asked = subprocess.run(line, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return asked.stdout.strip()
