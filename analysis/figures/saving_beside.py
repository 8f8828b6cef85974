"""Figures written by processes beside this one: saving one takes longer than drawing it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from pathlib import Path
from threading import Thread

from matplotlib.figure import Figure

from analysis.figures.saving import save_figure

Write = Callable[[Figure, Path], object]
Waiting = dict[Future[None], tuple[Figure, Path]]
MOST_PROCESSES = 4
# A figure of many curves is some megabytes.
MOST_WAITING = 16


@contextmanager
def figure_writers() -> Iterator[Write]:
    """A function that has a figure saved and does not wait for it; the block's end does.

    On a machine with one processor the function is
    :func:`analysis.figures.saving.save_figure` itself. What goes wrong with a figure is raised
    at a later one, or at the end.
    """
    number = min(MOST_PROCESSES, processors())
    if number == 1:
        yield save_figure
        return
    executor = ProcessPoolExecutor(number, clean_start(), initializer=follow_parent)
    waiting: Waiting = {}

    def write(figure: Figure, path: Path) -> None:
        while len(waiting) >= MOST_WAITING:
            settle(waiting)
        try:
            waiting[executor.submit(save_figure, figure, path)] = figure, path
        except BrokenProcessPool:
            save_figure(figure, path)

    try:
        yield write
        while waiting:
            settle(waiting)
    finally:
        executor.shutdown(cancel_futures=True)


def clean_start() -> BaseContext:
    """How the processes start: not as forks of this one, where Ray and pyarrow have threads.

    They are forks of a process that has imported what they need, where the system has forks.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def settle(waiting: Waiting) -> None:
    """Wait for one of the figures at least, and raise what went wrong.

    Of processes that have died, for lack of memory say, this process does the work.
    """
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for saved in done:
        figure, path = waiting.pop(saved)
        try:
            saved.result()
        except BrokenProcessPool:
            save_figure(figure, path)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


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
