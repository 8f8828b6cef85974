"""Figures written by processes beside this one: saving one takes longer than drawing it."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, parent_process
from pathlib import Path
from threading import Event, Thread

from matplotlib.figure import Figure

from analysis.figure_processes import clean_start, number_of_processes, start_early
from analysis.figures.saving import save_figure

Write = Callable[[Figure, Path], object]
Waiting = dict[Future[None], tuple[Figure, Path]]
# A figure of many curves is some megabytes.
MOST_WAITING = 16


@contextmanager
def figure_writers() -> Iterator[Write]:
    """A function that has a figure saved and does not wait for it; the block's end does.

    On a machine with one processor the function is
    :func:`analysis.figures.saving.save_figure` itself. What goes wrong with a figure is raised
    at a later one, or at the end.
    """
    number = number_of_processes()
    if number == 1:
        yield save_figure
        return
    start_early()
    others = set(active_children())
    executor = ProcessPoolExecutor(number, clean_start(), initializer=follow_parent)
    waiting: Waiting = {}
    broken = Event()

    def write(figure: Figure, path: Path) -> None:
        while len(waiting) >= MOST_WAITING:
            settle(waiting, broken)
        try:
            waiting[executor.submit(save_figure, figure, path)] = figure, path
        # As others die, Python takes away what it is about to start the next one with.
        except (BrokenProcessPool, OSError):
            broken.set()
            save_figure(figure, path)

    try:
        yield write
        while waiting:
            settle(waiting, broken)
    finally:
        if broken.is_set():
            # One that started as another died is not among those that the executor ends, but among
            # those that it waits for.
            for process in set(active_children()) - others:
                process.kill()
        executor.shutdown(cancel_futures=True)


def settle(waiting: Waiting, broken: Event) -> None:
    """Wait for one of the figures at least, and raise what went wrong.

    Of processes that have died, for lack of memory say, this process does the work; ``broken`` says
    that there are such.
    """
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for saved in done:
        figure, path = waiting.pop(saved)
        try:
            saved.result()
        except BrokenProcessPool:
            broken.set()
            save_figure(figure, path)


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
