"""How the processes that write figures start: forks of one that has imported what they need."""

import os
import signal
import sys
from multiprocessing import forkserver, get_all_start_methods, get_context, resource_tracker
from multiprocessing.context import BaseContext

from adaloss.own_code.fresh_process import safe_path_in_new_processes

MOST_PROCESSES = 4
# matplotlib imports a format's backend, and what that needs, with the first file of it.
IMPORTED_FIRST = (
    # Before all others: it sees to it that those of the tool are the tool's.
    "adaloss_sweep",
    "analysis.figures.writing.files",
    "analysis.figures",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
)


def number_of_processes() -> int:
    """How many processes write figures; 1 is this one alone."""
    return min(MOST_PROCESSES, processors())


def clean_start() -> BaseContext:
    """How they start: not as forks of this one, where Ray and pyarrow are at work."""
    return get_context("forkserver" if can_fork() else "spawn")


def start_early() -> None:
    """Start the process that they are forked from, and do not wait until it has imported all.

    It takes a second of a processor, which is idle when a run begins and is not at its end.
    """
    if number_of_processes() > 1 and can_fork():
        get_context("forkserver").set_forkserver_preload([*IMPORTED_FIRST])
        with safe_path_in_new_processes():
            # What this starts too would unblock the signal.
            resource_tracker.ensure_running()
        # The process is deaf to Ctrl-C from its first moment; this one hears of it a moment later.
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
