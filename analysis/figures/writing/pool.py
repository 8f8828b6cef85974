"""Figures drawn and written by processes beside this one: they take the most time of all."""

import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, connection, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Thread
from types import FrameType

from analysis.figures.writing.processes import clean_start, number_of_processes, start_early

Write = Callable[[], Sequence[Path]]
"""Draws and writes figures; returns the files. What takes it to another process is ``pickle``."""
SECONDS_TO_STOP = 0.2
TIMES_TO_STOP = 15
Waiting = dict[Future[Sequence[Path]], Write]


@contextmanager
def figure_writers(written: list[Path]) -> Iterator[Callable[[Write], None]]:
    """A function that has figures written and does not wait for it; the block's end does.

    At the end ``written`` has all the files. On a machine with one processor this process writes
    them. What goes wrong with a figure is raised at the end.
    """
    number = number_of_processes()
    if number == 1:
        yield lambda write: written.extend(write())
        return
    start_early()
    others = set(active_children())
    executor = ProcessPoolExecutor(number, clean_start(), initializer=follow_parent)
    waiting: Waiting = {}
    broken = Event()

    def have_written(write: Write) -> None:
        try:
            waiting[executor.submit(until_stopped, write)] = write
        # As others die, Python takes away what it is about to start the next one with.
        except (BrokenProcessPool, OSError):
            broken.set()
            written.extend(write())

    try:
        yield have_written
        while waiting:
            settle(waiting, broken, written)
    except BaseException:
        # Many figures may be one's to write: who wants to stop does not wait for them.
        stop_all(set(active_children()) - others)
        broken.set()
        raise
    finally:
        if broken.is_set():
            # One that started as another died is not among those that the executor ends, but among
            # those that it waits for.
            for process in set(active_children()) - others:
                process.kill()
        executor.shutdown(cancel_futures=True)


def settle(waiting: Waiting, broken: Event, written: list[Path]) -> None:
    """Wait for some of the figures, and raise what went wrong.

    Of processes that have died, for lack of memory say, this process does the work; ``broken`` says
    that there are such.
    """
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for saved in done:
        write = waiting.pop(saved)
        try:
            written.extend(saved.result())
        except BrokenProcessPool:
            broken.set()
            written.extend(write())


def stop_all(processes: Collection[BaseProcess]) -> None:
    """Have processes end, which takes them a moment."""
    for _ in range(TIMES_TO_STOP):
        # Said once it may be lost: in a callback of its own Python passes over an exception.
        for process in processes:
            process.terminate()
        connection.wait([process.sentinel for process in processes], SECONDS_TO_STOP)
        processes = [process for process in processes if process.is_alive()]
        if not processes:
            return


class StoppedError(BaseException):
    """This process was told not to go on with its figures: nothing else is to handle that."""


def until_stopped(write: Write) -> Sequence[Path]:
    """Write figures; at SIGTERM take away what is half written, and end."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise StoppedError

    signal.signal(signal.SIGTERM, stop)
    try:
        return write()
    except StoppedError:
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def follow_parent() -> None:
    """End when the parent ends, however that is; a Ctrl-C is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the parent's end; a killed one cannot tell its children."""
    parent = parent_process()
    assert parent is not None, "this runs in a child"
    parent.join()
    os._exit(1)
