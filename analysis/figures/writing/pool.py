"""Draw and write figures in other processes, because figures take the most time."""

import gc
import os
import signal
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, connection, parent_process
from multiprocessing.process import BaseProcess
from threading import Event, Thread
from types import FrameType
from typing import TypeVar

from analysis.figures.writing.processes import clean_start, number_of_processes, start_early

T = TypeVar("T")
Write = Callable[[], T]
"""Draws and writes figures and says what it wrote; ``pickle`` sends it to another process."""
Take = Callable[[T], None]
SECONDS_TO_STOP = 0.2
TIMES_TO_STOP = 15
RARE_COLLECTIONS = 100_000, 50, 100
Waiting = dict[Future[T], Write[T]]


@contextmanager
def figure_writers(take: Take[T]) -> Iterator[Take[Write[T]]]:
    """Yield a function that submits figures; the end of the block waits for them.

    ``take`` is called in this process with what each of them returns. On a machine with one
    processor, or without room for processes, this process writes them. Exceptions from figures are
    raised at the end.
    """
    others = set(active_children())
    executor = started_executor()
    if executor is None:
        yield lambda write: take(write())
        return
    waiting: Waiting[T] = {}
    broken = Event()

    def have_written(write: Write[T]) -> None:
        try:
            waiting[executor.submit(until_stopped, write)] = write
        # When processes die, Python removes resources that the next start needs.
        except (BrokenProcessPool, OSError):
            broken.set()
            take(write())

    try:
        yield have_written
        while waiting:
            settle(waiting, broken, take)
    except BaseException:
        # A process may have many figures left: after an interrupt, do not wait for them.
        stop_all(set(active_children()) - others)
        broken.set()
        raise
    finally:
        if broken.is_set():
            # The executor waits for, but does not end, a process that started while another
            # died.
            for process in set(active_children()) - others:
                process.kill()
        executor.shutdown(cancel_futures=True)


def started_executor() -> ProcessPoolExecutor | None:
    """The processes that write figures; None if this process writes them itself."""
    number = number_of_processes()
    if number == 1:
        return None
    try:
        start_early()
        return ProcessPoolExecutor(number, clean_start(), initializer=follow_parent)
    # The system has no processes left, or no semaphores at all.
    except (OSError, NotImplementedError):
        return None


def settle(waiting: Waiting[T], broken: Event, take: Take[T]) -> None:
    """Wait for some of the figures, and raise their exceptions.

    This process does the work of processes that have died, for example from a lack of memory;
    ``broken`` says that some have.
    """
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for saved in done:
        write = waiting.pop(saved)
        try:
            take(saved.result())
        except BrokenProcessPool:
            broken.set()
            take(write())


def stop_all(processes: Collection[BaseProcess]) -> None:
    """Ask processes to end, which takes them a moment."""
    for _ in range(TIMES_TO_STOP):
        # Repeatedly, because Python ignores an exception inside some of its callbacks.
        for process in processes:
            process.terminate()
        connection.wait([process.sentinel for process in processes], SECONDS_TO_STOP)
        processes = [process for process in processes if process.is_alive()]
        if not processes:
            return


class StoppedError(BaseException):
    """This process must stop writing figures; a BaseException, so that no other code handles it."""


def until_stopped(write: Write[T]) -> T:
    """Write figures; at SIGTERM, remove partial files and end."""

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
    """Begin a process that ends when its parent ends, whatever the reason."""
    # The parent handles Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A figure is thousands of objects that live until it is written: looking for garbage among
    # them takes an eighth of the time.
    gc.set_threshold(*RARE_COLLECTIONS)
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the parent's end; a killed parent cannot notify its children."""
    parent = parent_process()
    assert parent is not None, "this runs in a child"
    parent.join()
    os._exit(1)
