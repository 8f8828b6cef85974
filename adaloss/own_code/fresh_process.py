"""Run a function in a new Python process."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any, TypeVar

from adaloss.errors import UserError

Value = TypeVar("Value")
# This environment variable has the effect of Python's option -P.
SAFE_PATH = "PYTHONSAFEPATH"
SECONDS_TO_START = 60.0
ENVIRONMENT_LOCK = Lock()


class ProcessEndedError(UserError):
    """The process ended before the function returned. The message has the exit code."""


class FunctionFailedError(UserError):
    """The function raised an exception. The message is the last line of the traceback."""


def in_fresh_process(
    function: Callable[..., Value], *arguments: Any, limit: float | None = None
) -> Value:
    """Call the function in a new process and return its value.

    The function, the arguments and the value must be picklable. ``limit`` is the most seconds that
    the call may take, or None for no limit.

    Raises:
        ProcessEndedError: the process ended during the call, such as by ``os._exit`` or a crash.
        FunctionFailedError: the function raised an exception.
        TimeoutError: the call took longer than ``limit``.
    """
    context = get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=call_and_send, args=(sending, function, arguments))
    with safe_path_in_new_processes():
        process.start()
    sending.close()
    try:
        # The imports of the new process do not count as the function's time.
        if not receiving.poll(None if limit is None else limit + SECONDS_TO_START):
            raise TimeoutError
        succeeded, value = receiving.recv()
    except EOFError:
        process.join()
        raise ProcessEndedError(f"its process ended with exit code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        receiving.close()
    if not succeeded:
        raise FunctionFailedError(value)
    result: Value = value
    return result


def call_and_send(
    sending: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    """Call the function and send its value or its error. What it prints goes to stderr."""
    os.dup2(2, 1)
    try:
        outcome = (True, function(*arguments))
    except KeyboardInterrupt:
        # The waiting process is interrupted too, and reports it.
        return
    except Exception as error:
        outcome = (False, "".join(traceback.format_exception_only(error)).strip())
    # The caller ends this process as soon as it has the value.
    sys.stdout.flush()
    sending.send(outcome)


@contextmanager
def safe_path_in_new_processes() -> Iterator[None]:
    """Python processes started in the block do not import from the working folder.

    The standard library starts Python with ``-c``, which puts the working folder first on the
    path: a file ``random.py`` there would be executed.
    """
    # All threads share the environment, so they take turns.
    with ENVIRONMENT_LOCK:
        before = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        try:
            yield
        finally:
            del os.environ[SAFE_PATH]
            if before is not None:
                os.environ[SAFE_PATH] = before
