"""Start the processes that write figures: forks of a process with all imports done."""

import os
import signal
import sys
from multiprocessing import forkserver, get_all_start_methods, get_context, resource_tracker
from multiprocessing.context import BaseContext

from adaloss.own_code.fresh_process import safe_path_in_new_processes

MOST_PROCESSES = 4
# matplotlib imports a format's backend with the first file in that format.
IMPORTED_FIRST = (
    # First, because it guarantees that the tool's packages are imported.
    "adaloss_sweep",
    "analysis.figures.writing.files",
    "analysis.figures",
    "matplotlib.backends.backend_agg",
)


def number_of_processes() -> int:
    """The number of processes that write figures; 1 means this process."""
    return min(MOST_PROCESSES, processors())


def clean_start() -> BaseContext:
    """The start method: not forks of this process, in which Ray and pyarrow have threads."""
    return get_context("forkserver" if can_fork() else "spawn")


def start_early() -> None:
    """Start the process that they are forked from, without waiting for its imports.

    The imports take a second of a processor, which is idle when a run begins but not at its end.
    """
    if number_of_processes() > 1 and can_fork():
        get_context("forkserver").set_forkserver_preload([*IMPORTED_FIRST])
        with safe_path_in_new_processes():
            # The resource tracker, which this starts too, would unblock the signal.
            resource_tracker.ensure_running()
        # The new process ignores Ctrl-C from its start; this process gets it a moment later.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with safe_path_in_new_processes():
                forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def can_fork() -> bool:
    """Whether this system has forks."""
    return "forkserver" in get_all_start_methods()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
