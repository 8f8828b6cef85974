"""One trial from its records to its result: resume, train, record, finish."""

import contextlib
import io
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import torch

from adaloss.device_memory import device_memory, forget_memory_peak
from adaloss.errors import UserError
from adaloss.own_code.fingerprints import changed, with_loaded_code
from adaloss.records.claim import Claim
from adaloss.records.places import Places
from adaloss.records.result import (
    DeviceMemory,
    Divergence,
    EpochMetrics,
    Failure,
    FailureKind,
    Fingerprint,
    Provenance,
    TrialResult,
    TrialState,
)
from adaloss.records.store import Store
from adaloss.records.writing import replacing
from adaloss.sigterm import noticing_sigterm
from adaloss.tasks.divergence import DivergedError, check_finite
from adaloss.tasks.failures import failure_kind, gpu_is_lost, lost_gpu
from adaloss.tasks.fingerprints import code_fields
from adaloss.tasks.program.errors import ProgramError, ProgramLostError
from adaloss.tasks.program.run import ProgramRun
from adaloss.tasks.table import task_of
from adaloss.tasks.task import Inputs, Run, TaskCode
from adaloss.time_limit import TrialTimeoutError
from adaloss.trial import Capture, Trial

# The key of a checkpoint for the digests of the user's own code and data.
FINGERPRINT = "fingerprint"


class StorageError(OSError):
    """A record of the trial cannot be written; the trial has no result."""


class NoGpuError(Exception):
    """The trial was assigned a GPU, but torch finds none."""


@dataclass(frozen=True, kw_only=True)
class ExecutionSettings:
    """How a trial runs; nothing here may change its numbers. Times are in seconds.

    With ``log_output`` False the trial prints to the terminal, for debugging. ``capture`` decides
    whether steps on a GPU are replayed. ``claims`` says that other machines may write to the same
    folder, ``replaceable`` that another process takes the place of one that has lost its GPU.
    """

    places: Places
    device: str
    threads: int
    timeout: float | None
    checkpoint_interval: float
    keep_checkpoints: bool
    capture: Capture = "auto"
    log_output: bool = True
    claims: bool = False
    replaceable: bool = False


class Execution:
    """Executes a trial: call ``advance`` until there is a ``result``.

    Whatever ends the trial, divergence or error, becomes its result. Only a process that dies
    leaves none; the next execution then continues from the last checkpoint.
    """

    def __init__(
        self,
        trial: Trial,
        store: Store,
        settings: ExecutionSettings,
        code: TaskCode[Any],
        provenance: Provenance,
    ) -> None:
        self.trial = trial
        self.store = store
        self.settings = settings
        self.code = code
        self.task = task_of(trial)
        self.provenance = provenance
        self.result: TrialResult | None = None
        self.history: tuple[EpochMetrics, ...] = ()
        self.run: Run | None = None
        # The same, if it is a program of the user's own.
        self.program: ProgramRun | None = None
        self.inputs: Inputs | None = None
        self.fingerprint: Fingerprint | None = None
        # That of the checkpoint from which the trial continues.
        self.before: dict[str, Any] | None = None
        self.seconds = 0.0
        self.started = self.checkpointed = time.monotonic()
        self.places = replace(settings.places, trial=store.trial_folder(trial).absolute())
        self.is_first_start = not store.is_open(trial)
        store.open_trial(trial)
        store.clear_temporary(trial)
        self.claim = Claim(store.trial_folder(trial)) if settings.claims else None
        if self.claim is not None:
            self.claim.take()

    def advance(self) -> EpochMetrics | None:
        """Run and record one epoch; None, with :attr:`result` set, when the trial is finished."""
        with self.output_to_log(), noticing_sigterm() as is_ended:
            try:
                if self.run is None:
                    self.run = self.prepare()
                    if self.run.resolved is not None:
                        print(f"optimizer {self.trial.values['optimizer']}: {self.run.resolved}")
                if self.run.epoch == self.trial.last_epoch:
                    self.finish(TrialState.COMPLETE)
                    return None
                return self.run_epoch(self.run)
            except (StorageError, ProgramLostError):
                raise
            except ProgramError as error:
                print(error.output or f"failed: {error}")
                failure = Failure(kind=error.kind, message=str(error), traceback=error.output)
                self.finish(TrialState.FAILED, failure=failure)
            except DivergedError as error:
                self.drop_done_again()
                self.finish(TrialState.DIVERGED, divergence=error.divergence)
                # A program, which has ended now, may have printed until its end.
                print(f"diverged: {error}")
            except SystemExit as error:
                if is_ended():
                    raise
                self.fail(FailureKind.CODE, f"sys.exit({error.code!r})")
            except Exception as error:
                self.fail(failure_kind(error), f"{type(error).__name__}: {error}")
            return None

    def fail(self, kind: FailureKind, message: str) -> None:
        """Finish the trial with the error that is being handled."""
        traceback.print_exc()
        failure = Failure(kind=kind, message=message, traceback=traceback.format_exc())
        self.finish(TrialState.FAILED, failure=failure)

    def abandon(self) -> None:
        """End a program that still runs; its trial has a result, or is taken by another worker.

        The log is no longer this worker's.
        """
        if self.program is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                self.program.close()

    def prepare(self) -> Run:
        """Start the trial, from the last checkpoint where there is one."""
        torch.set_num_threads(self.settings.threads)
        on_gpu = self.settings.device.startswith("cuda") and self.trial.trains_here
        if on_gpu and not torch.cuda.is_available():
            raise NoGpuError(
                "this trial has a GPU that torch cannot use: install a torch that is built for "
                "CUDA and the machine's driver, or write resources: {gpu: 0}"
            )
        if self.trial.trains_here:
            forget_memory_peak(self.settings.device)
        self.inputs = self.code.read(self.trial, self.settings.places, self.settings.device)
        self.fingerprint = self.inputs.fingerprint
        resumed = self.resume(self.inputs)
        run, self.history = resumed or (self.fresh(self.inputs), ())
        # Epochs recorded after the checkpoint run again; their lines must not appear twice.
        with self.recording():
            self.store.keep_metrics(self.trial, self.history)
        # A program has a checkpoint of its own; this one tells the code that it was started with.
        # One that tells the same stays: a new one would be progress to a job that is started again.
        if self.program is not None and (resumed is None or self.before != self.told()):
            self.save_checkpoint(run)
        self.seconds = sum(metrics.seconds for metrics in self.history)
        # Ordinary progress is in metrics.jsonl: most logs stay empty.
        if not self.is_first_start:
            print(f"trial {self.trial.trial_id} starts after epoch {run.epoch}")
        return run

    def fresh(self, inputs: Inputs) -> Run:
        """Start the trial at its beginning.

        Raises:
            UserError: the user's own code or weights changed while they were read.
        """
        places = self.places
        run = self.code.start(
            self.trial, inputs, places, self.settings.device, capture=self.settings.capture
        )
        self.program = run if isinstance(run, ProgramRun) else None
        if self.fingerprint is not None:
            read = self.code.fingerprint(self.trial, places, inputs)
            if read is None or changed(self.fingerprint, read, places):
                raise UserError("the user's own code or weights changed while they were read")
            self.fingerprint = with_loaded_code(read, code_fields(self.trial), places)
        return run

    def resume(self, inputs: Inputs) -> tuple[Run, tuple[EpochMetrics, ...]] | None:
        """Return the run and its records at the last checkpoint, None without a usable one.

        A trial whose checkpoint cannot be used starts over and arrives at the same numbers.
        """
        path = self.store.checkpoint_path(self.trial)
        if not path.exists():
            return None
        run = self.fresh(inputs)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.before = state.pop(FINGERPRINT, None)
            run.load_state_dict(state)
            history = self.store.read_metrics(self.trial)
            if self.program is not None:
                self.program.continue_from(history)
            else:
                history = history[: run.epoch]
        # torch.load can raise anything for a file that is no checkpoint.
        except Exception as error:
            print(f"starts over: {path} cannot be used ({type(error).__name__}: {error})")
            return None
        if self.fingerprint is not None and self.changed_since(self.before):
            print(f"starts over: the user's own code or data changed since {path} was written")
            return None
        if len(history) < run.epoch:
            print(f"starts over: {path} is from epoch {run.epoch}, and the records end earlier")
            return None
        return run, history

    def changed_since(self, before: dict[str, Any] | None) -> bool:
        """Whether the user's own code or data differ from a checkpoint's fingerprint."""
        if before is None or self.fingerprint is None:
            return True
        recorded = Fingerprint.model_validate(before)
        return changed(recorded, self.fingerprint, self.settings.places)

    def run_epoch(self, run: Run) -> EpochMetrics | None:
        """Run one epoch, record it and, when it is due, save a checkpoint.

        None, with :attr:`result` set, where the trial has no further epoch.
        """
        self.check_timeout()
        started = time.monotonic()
        try:
            values = run.run_epoch()
        finally:
            seconds = time.monotonic() - started
            self.seconds += seconds
        if values is None:
            if self.program is not None:
                check_finite(self.task, run, self.program.summary)
                self.program.check_divergence()
            self.finish(TrialState.COMPLETE)
            return None
        check_finite(self.task, run, values)
        self.drop_done_again()
        metrics = EpochMetrics(epoch=run.epoch, step=run.step, values=dict(values), seconds=seconds)
        with self.recording():
            self.store.append_metrics(self.trial, metrics)
        self.history = (*self.history, metrics)
        if not self.settings.log_output:
            of_all = f"/{self.trial.last_epoch}" if self.trial.last_epoch else ""
            print(f"epoch {metrics.epoch}{of_all}  {self.task.progress(metrics)}")
        if self.program is not None:
            return metrics
        due = time.monotonic() - self.checkpointed >= self.settings.checkpoint_interval
        if due or (self.settings.keep_checkpoints and run.epoch == self.trial.last_epoch):
            self.save_checkpoint(run)
        return metrics

    def drop_done_again(self) -> None:
        """Drop the records of epochs that a program does again after a restart."""
        if self.program is not None and self.program.kept < len(self.history):
            self.history = self.history[: self.program.kept]
            with self.recording():
                self.store.keep_metrics(self.trial, self.history)

    def told(self) -> dict[str, Any] | None:
        """The fingerprint as a checkpoint has it."""
        return self.fingerprint.model_dump() if self.fingerprint else None

    def check_timeout(self) -> None:
        """Raise TrialTimeoutError once the trial's time is up."""
        limit = self.settings.timeout
        if limit is not None and time.monotonic() - self.started > limit:
            raise TrialTimeoutError(limit)

    def save_checkpoint(self, run: Run) -> None:
        """Replace ``checkpoint.pt`` with the current state."""
        with (
            self.recording(),
            replacing(self.store.checkpoint_path(self.trial), durable=True) as temporary,
            temporary.open("wb") as file,
        ):
            told = self.told()
            own = {} if told is None else {FINGERPRINT: told}
            torch.save(run.state_dict() | own, file)
        self.checkpointed = time.monotonic()

    def finish(
        self,
        state: TrialState,
        divergence: Divergence | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Write the result, once; from then on the trial is finished.

        Raises:
            GpuLostError: the failure has cost this process its GPU, and another one takes its
                place. The error may be another trial's on the same GPU, so there is no result.
        """
        if failure is not None and self.settings.replaceable and gpu_is_lost():
            raise lost_gpu(failure.message)
        if self.fingerprint is not None:
            self.fingerprint = with_loaded_code(
                self.fingerprint, code_fields(self.trial), self.settings.places
            )
        self.result = TrialResult(
            trial_id=self.trial.trial_id,
            state=state,
            epochs=len(self.history),
            last=self.last_epoch(),
            best_val=self.task.best_epoch(self.history),
            divergence=divergence,
            failure=failure,
            seconds=self.seconds,
            memory=self.memory(),
            examples=self.inputs.sizes if self.inputs else None,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            provenance=self.made_by(),
            fingerprint=self.fingerprint,
            optimizer=self.run.resolved if self.run else None,
            # A trial that was cut short might have read them later.
            unread=self.unread() if state is TrialState.COMPLETE else None,
            notes=(self.program.notes() or None) if self.program is not None else None,
        )
        with self.recording():
            self.store.write_result(self.trial, self.result)
        self.clean_up()

    def clean_up(self) -> None:
        """Remove what a finished trial needs no more."""
        keep = self.settings.keep_checkpoints
        with errors_printed():
            if not keep:
                self.store.checkpoint_path(self.trial).unlink(missing_ok=True)
        with errors_printed():
            if self.program is not None:
                self.program.finish(keep_checkpoint=keep)
        with errors_printed():
            if self.claim is not None:
                self.claim.release()

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Raise errors of the storage as StorageError."""
        try:
            if self.claim is not None:
                self.claim.check()
            yield
        except OSError as error:
            raise StorageError(error.errno, error.strerror or str(error), error.filename) from error
        except RuntimeError as error:
            # torch's own writer raises this when the disk is full.
            raise StorageError(str(error)) from error

    def made_by(self) -> Provenance:
        """The code and the machine of the result."""
        made = self.provenance
        return made if self.program is None else self.program.made_by(made)

    def memory(self) -> DeviceMemory | None:
        """The GPU memory of the trial, None on a processor."""
        if self.trial.trains_here:
            return device_memory(self.settings.device)
        return self.program.memory if self.program is not None else None

    def last_epoch(self) -> EpochMetrics | None:
        """The record of the last epoch, with what a program says of the whole trial."""
        last = self.task.last_epoch(self.history)
        if last is None or self.program is None:
            return last
        return last.model_copy(update={"values": {**last.values, **self.program.summary}})

    def unread(self) -> tuple[str, ...] | None:
        """The parameters that a program of the user's did not look at; None if there are none."""
        return (self.program.unread() or None) if self.program is not None else None

    @contextlib.contextmanager
    def output_to_log(self) -> Iterator[None]:
        """Redirect the trial's output to its ``log.txt``."""
        if not self.settings.log_output:
            yield
            return
        with (
            # Line buffering: the log has everything that a process printed before it died.
            self.store.log_path(self.trial).open(
                "a", buffering=1, encoding="utf-8", errors="backslashreplace"
            ) as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            yield


@contextlib.contextmanager
def errors_printed() -> Iterator[None]:
    """Print an error, for the trial's log, where it must not change the result on record."""
    try:
        yield
    except Exception:
        traceback.print_exc()
