"""Run a function of the user's as a trial, one report after the other."""

import contextlib
import importlib.util
import inspect
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adaloss.own_code.modules import (
    FromSource,
    OwnCodeError,
    import_own_module,
    own_code_first,
)
from adaloss.records.places import Places
from adaloss.records.printable import shortened
from adaloss.records.result import DeviceMemory
from adaloss.sigterm import noticing_sigterm
from adaloss.tasks.failures import failure_kind
from adaloss.tasks.program.calls import CHECKPOINT, TrialValues, forget
from adaloss.tasks.program.errors import ProgramError
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.program.hand_over import HandOver, reports_of
from adaloss.tasks.program.process_state import process_state
from adaloss.tasks.program.row import Row, row_of

SEEDS_OF_NUMPY = 2**32
# What an iterator gives at its end; None is a mistake in a report.
ENDED = object()
LONGEST_MESSAGE = 300


class FunctionReports:
    """The reports of a function, which is called when the first one is wanted."""

    def __init__(
        self, trial: ProgramTrial, function: Callable[..., Any], places: Places, folder: Path
    ) -> None:
        self.trial = trial
        self.function = function
        self.places = places
        self.folder = folder
        self.hand_over: HandOver | None = None
        self.generator: Iterator[Any] | None = None
        seed = {} if trial.seed_parameter is None else {trial.seed_parameter: trial.seed}
        values = {**dict(trial.parameters), **seed}
        self.values = TrialValues(values, trial.seed, folder, self.report)
        self.reported: list[Row] = []
        self.error: ProgramError | None = None
        # Where the function is, which may change its working folder.
        self.working_folder: Path | None = None
        self.restore: Callable[[], None] = no_change

    def report(self, metrics: Mapping[str, Any]) -> None:
        """Take a report of a plain function, or of a generator that also reports."""
        if self.hand_over is None:
            self.reported.append(as_row(metrics))
        else:
            self.hand_over.report(metrics)

    def has_checkpoint(self) -> bool:
        """Whether an earlier start has left a checkpoint."""
        return os.path.lexists(self.folder / CHECKPOINT)

    def forget_checkpoint(self) -> None:
        """Remove the checkpoint of an earlier start."""
        forget(self.folder / CHECKPOINT)

    def left_behind(self) -> tuple[Row, ...]:
        """Nothing: a function goes on only after its report was taken."""
        return ()

    def start_over(self) -> None:
        """Call the function again, without its checkpoint."""
        self.close()
        self.forget_checkpoint()
        self.generator = self.hand_over = self.error = None
        self.working_folder = None
        self.reported.clear()

    def next_row(self) -> Row | None:
        """The next report, None if the function has returned.

        Raises:
            ProgramError: the function raised an exception, or reported what is no number.
        """
        if not self.reported and self.error is None:
            try:
                self.go_on()
            except ProgramError as error:
                # What it reported before comes first.
                self.error = error
        if self.reported:
            return self.reported.pop(0)
        if self.error is not None:
            raise self.error
        return None

    def go_on(self) -> None:
        """Have the function work until its next report, or its end.

        Raises:
            ProgramError: as :meth:`next_row`.
        """
        folders = self.places.own_folders
        # Later imports find the user's modules too, unless they have the name of another.
        first = own_code_first(folders) if self.generator is None else contextlib.nullcontext()
        where = self.working_folder
        # It may have left a temporary folder, and removed it.
        where = where if where is not None and where.is_dir() else folders[0]
        with contextlib.chdir(where), first, noticing_sigterm() as is_ended:
            try:
                if self.generator is None:
                    self.restore = process_state()
                    # A run of W&B that the function starts must not upload by surprise.
                    os.environ.setdefault("WANDB_MODE", "offline")
                    seed_everything(self.trial.seed)
                    self.generator = self.started()
                if (metrics := next(self.generator, ENDED)) is not ENDED:
                    self.reported.append(as_row(metrics))
                with contextlib.suppress(FileNotFoundError):
                    self.working_folder = Path.cwd()
            except ProgramError:
                raise
            except SystemExit as error:
                if is_ended():
                    raise
                if error.code not in (None, 0):
                    raise ProgramError(f"sys.exit({error.code!r})", output=trace()) from error
            except (KeyboardInterrupt, GeneratorExit):
                raise
            # The user's code can raise anything.
            except BaseException as error:
                if is_ended():
                    raise SystemExit(str(error)) from error
                raise ProgramError(described(error), failure_kind(error), trace()) from error

    def started(self) -> Iterator[Any]:
        """The function as an iterator over its reports."""
        if inspect.isgeneratorfunction(inspect.unwrap(self.function)):
            return reports_of(self.function(self.values))
        self.hand_over = HandOver(lambda: self.function(self.values))
        return iter(self.hand_over)

    def unread(self) -> tuple[str, ...]:
        """The parameters that the function has not looked at."""
        return tuple(n for n, _ in self.trial.parameters if n not in self.values.was_read)

    def ignores_the_seed(self) -> bool:
        """Never: the global generators of Python, NumPy and torch are seeded."""
        return False

    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def summary(self) -> Mapping[str, float]:
        """Values besides the reports: none."""
        return {}

    @property
    def python(self) -> str | None:
        """None: it is that of this process."""
        return None

    @property
    def memory(self) -> DeviceMemory | None:
        """None: it is that of this process."""
        return None

    def close(self) -> None:
        """End a function that has not returned, and undo what it changed in this process."""
        if self.hand_over is not None:
            self.hand_over.close()
        elif self.generator is not None and hasattr(self.generator, "close"):
            try:
                self.generator.close()
            # The user's own clean-up fails: the trial has its result, so only its log says so.
            except (Exception, SystemExit):
                traceback.print_exc()
        restore, self.restore = self.restore, no_change
        restore()


def no_change() -> None:
    """The function has not begun."""


def as_row(metrics: object) -> Row:
    """A report as a row.

    Raises:
        ProgramError: it is not a mapping of names to numbers.
    """
    if not isinstance(metrics, Mapping):
        raise ProgramError(
            f"a report must be a mapping of metrics, such as {{'loss': 0.1}}, found {metrics!r:.80}"
        )
    return row_of({str(name): as_number(str(name), value) for name, value in metrics.items()})


def as_number(name: str, value: Any) -> Any:
    """A metric as a number of Python; the content of a nested mapping likewise."""
    if isinstance(value, Mapping):
        return {str(key): as_number(f"{name}.{key}", each) for key, each in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    # A text that float() would take is more likely a mistake than a metric.
    with contextlib.suppress(TypeError, ValueError, RuntimeError):
        if not isinstance(value, str | bytes):
            return float(value)
    raise ProgramError(f"the metric {name} must be a number, found {value!r:.80}")


def seed_everything(seed: int) -> None:
    """Seed the global generators, from which a function may draw without a seed of its own."""
    random.seed(seed)
    np.random.seed(seed % SEEDS_OF_NUMPY)
    torch.manual_seed(seed)


def find_function(trial: ProgramTrial, places: Places) -> Callable[..., Any]:
    """Import the trial's function.

    Raises:
        OwnCodeError: there is no such module or function.
        ProgramError: the module cannot be imported.
    """
    named = trial.function
    assert named is not None, "the program is a function"
    module_name, name = named
    # What is imported beside the file is the user's own, too.
    folders = (*places.own_folders, *folder_of(module_name, places))
    with contextlib.chdir(folders[0]), own_code_first(folders):
        try:
            if module_name.endswith(".py"):
                module = module_from_file(module_name, places)
            else:
                module = import_own_module(module_name, folders)
        except OwnCodeError:
            raise
        # The module of the user's can raise anything.
        except Exception as error:
            raise ProgramError(
                f"{module_name} cannot be imported: {described(error)}",
                failure_kind(error),
                trace(),
            ) from error
    function = getattr(module, name, None)
    if not callable(function):
        there = sorted(
            key for key, value in vars(module).items() if callable(value) and key[0] != "_"
        )
        known = f"; it has {', '.join(there)}" if there else ""
        raise OwnCodeError(f"{module_name} has no function {name}{known}")
    wanted: Callable[..., Any] = function
    return wanted


def folder_of(module: str, places: Places) -> tuple[Path, ...]:
    """The folder of a function's file, which may be outside those of the grid."""
    path = places.own_path(module) if module.endswith(".py") else None
    return () if path is None else (path.parent,)


def module_from_file(file: str, places: Places) -> Any:
    """The module of a file, imported once in this process.

    Raises:
        OwnCodeError: there is no such file.
    """
    path = places.own_path(file)
    if path is None:
        searched = ", ".join(map(str, places.own_paths(file)))
        raise OwnCodeError(f"there is no file {file} (looked for {searched})")
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if known is not None or name in sys.stdlib_module_names:
        raise OwnCodeError(f"there is another module with the name {name}: rename {path}")
    # Never from bytecode, which may be of an older file of the same second and size.
    loader = FromSource(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "the loader is given"
    module = importlib.util.module_from_spec(spec)
    # As for a script, modules beside the file are found.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def described(error: BaseException) -> str:
    """The error with its type, on one line."""
    text = " ".join(str(error).split())
    return shortened(f"{type(error).__name__}{': ' * bool(text)}{text}", LONGEST_MESSAGE)


def trace() -> str:
    """The traceback of the error that is handled."""
    return traceback.format_exc()
