"""Record how a run spends its time: spans of the driver and each worker, as a Chrome trace."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = "driver"
START, EPOCHS, RECORD = "start", "epochs", "record"
RAY, TRIALS, COMPILE = "start of Ray", "trials", "tables, figures, report"


@dataclass(frozen=True, kw_only=True)
class Span:
    """An activity: ``start`` in seconds since 1970, ``seconds`` its duration."""

    name: str
    start: float
    seconds: float
    of: str = ""
    """The trial's name, or empty."""


Reported = tuple[str, float, float]
"""A worker's span in its report to the driver: name, start, seconds."""


class Timeline:
    """Sums spans by name and, with a ``path``, writes each of them to a file.

    The file has the Trace Event Format (JSON array), which Perfetto and Chrome's tracing page
    open: one track for the driver and one for every worker. Events are written at once, so that a
    long sweep does not collect them in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.now = steady_clock()
        self.began = self.now()
        self.seconds: dict[str, float] = {}
        self.first_start: dict[str, float] = {}
        self.tracks: dict[str, int] = {}
        self.places = 1

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Time the driver's work in the block."""
        start = self.now()
        try:
            yield
        finally:
            self.add(DRIVER, [Span(name=name, start=start, seconds=self.now() - start)])

    def worked(self, worker: str, trial: str, reported: Iterable[Reported]) -> None:
        """Add a worker's spans for a trial."""
        self.add(worker, [Span(name=n, start=s, seconds=t, of=trial) for n, s, t in reported])

    def add(self, track: str, spans: Sequence[Span]) -> None:
        """Add the spans of one process."""
        for span in spans:
            self.first_start.setdefault(span.name, span.start)
            self.seconds[span.name] = self.seconds.get(span.name, 0.0) + span.seconds
        if self.path is None:
            return
        try:
            self.write(self.path, track, spans)
        except OSError:
            # A profile that cannot be written must not stop the sweep.
            self.path = None

    def write(self, path: Path, track: str, spans: Sequence[Span]) -> None:
        """Add the spans to the file."""
        is_first = not self.tracks
        events: list[Mapping[str, Any]] = []
        for name in (DRIVER, track):
            if name not in self.tracks:
                self.tracks[name] = len(self.tracks)
                events.append(track_event(self.tracks[name], name))
        events += (span_event(self.tracks[track], span) for span in spans)
        if is_first:
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if is_first else "a") as file:
            file.write("[\n" if is_first else "")
            file.writelines(json.dumps(event) + ",\n" for event in events)

    def close(self) -> None:
        """End the file; readers also accept a JSON array without its end."""
        if self.path is None or not self.tracks:
            return
        with suppress(OSError), self.path.open("a") as file:
            end = span_event(self.tracks[DRIVER], self.whole())
            file.write(json.dumps(end) + "\n]\n")

    def whole(self) -> Span:
        """The run from the beginning to now."""
        return Span(name="run", start=self.began, seconds=self.now() - self.began)

    def summary(self) -> str:
        """How long the parts took, and the share of the workers' time spent on training.

        ``places`` is the number of workers that had work.
        """
        whole, trials = self.whole(), self.seconds.get(TRIALS, 0.0)
        training = self.seconds.get(EPOCHS, 0.0)
        before = max(0.0, self.first_start.get(TRIALS, whole.start) - whole.start)
        after = max(0.0, whole.seconds - before - trials)
        part = f"{min(1.0, training / (self.places * trials)):.0%}" if trials else "nothing"
        noun = "worker" if self.places == 1 else "workers"
        return (
            f"{before:.1f} s before the trials ({self.seconds.get(RAY, 0.0):.1f} s for Ray's "
            f"start), {trials:.1f} s for the trials, {after:.1f} s after them "
            f"({self.seconds.get(COMPILE, 0.0):.1f} s for tables, figures and report); "
            f"{part.replace('%', ' %')} of the time of {self.places} {noun} was training"
        )


def steady_clock() -> Callable[[], float]:
    """A clock in seconds since 1970 that ignores later changes of the system's clock."""
    start, steady = time.time(), time.monotonic()
    return lambda: start + time.monotonic() - steady


def track_event(number: int, name: str) -> Mapping[str, Any]:
    """An event that names a track."""
    return {
        "ph": "M", "name": "thread_name", "pid": os.getpid(), "tid": number,
        "args": {"name": name},
    }  # fmt: skip


def span_event(number: int, span: Span) -> Mapping[str, Any]:
    """A span on a track; times are in microseconds."""
    event = {
        "ph": "X", "name": span.name, "pid": os.getpid(), "tid": number,
        "ts": span.start * 1e6, "dur": span.seconds * 1e6,
    }  # fmt: skip
    return event | ({"args": {"trial": span.of}} if span.of else {})
