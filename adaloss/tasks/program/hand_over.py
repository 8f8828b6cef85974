"""Run a function that reports as it goes, and take its reports one by one."""

import threading
from collections.abc import Callable, Iterator, Mapping
from queue import SimpleQueue
from typing import Any

SECONDS_TO_STOP = 10.0


class Stopped(BaseException):
    """Ends a function whose trial is over; not an Exception, so that it is not caught."""


class HandOver:
    """Calls a function in a thread that only runs while :meth:`__iter__` waits for a report."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.reports: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self.turns: SimpleQueue[bool] = SimpleQueue()
        self.thread = threading.Thread(target=self.run, name="trial", daemon=True)
        self.ended = False

    def report(self, metrics: Mapping[str, Any]) -> None:
        """Hand over a report, and wait until the next one is wanted."""
        if threading.current_thread() is not self.thread:
            raise RuntimeError("report metrics in the thread in which the function was called")
        self.reports.put(("row", metrics))
        if not self.turns.get():
            raise Stopped

    def run(self) -> None:
        """Call the function, and hand over how it ends."""
        try:
            value = self.call()
            if isinstance(value, Iterator):
                for metrics in reports_of(value):
                    self.report(metrics)
                value = None
            self.reports.put(("value", value))
        except Stopped:
            pass
        # Raised again by the thread that waits for the reports.
        except BaseException as error:
            self.reports.put(("error", error))

    def __iter__(self) -> Iterator[Any]:
        """The reports, then the returned value if there is one."""
        self.thread.start()
        while True:
            kind, content = self.reports.get()
            if kind == "error":
                self.ended = True
                raise content
            if kind == "value":
                self.ended = True
                if content is not None:
                    yield content
                return
            yield content
            self.turns.put(True)

    def close(self) -> None:
        """End the function, which waits in its last report."""
        if not self.ended and self.thread.is_alive():
            self.turns.put(False)
            self.thread.join(SECONDS_TO_STOP)


def reports_of(yielded: Any) -> Iterator[Any]:
    """The reports that an iterator gives; what a generator returns is none, and its log says so."""
    if (returned := (yield from yielded)) is not None:
        print(f"not a report, because it is returned and not yielded: {returned!r:.80}", flush=True)
