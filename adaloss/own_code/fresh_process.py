"""Run a function in a Python process of its own, which nothing has been done in before."""

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any, TypeVar

from adaloss.errors import UserError

Answer = TypeVar("Answer")
# Set, it is Python's option -P.
SAFE_PATH = "PYTHONSAFEPATH"
SECONDS_TO_START = 60.0
STARTING = Lock()


class ProcessEndedError(UserError):
    """The process ended before the function did; the message has its exit code."""


class FunctionFailedError(UserError):
    """The function raised, as the user's own code may; the message is the last of its traceback."""


def in_fresh_process(
    function: Callable[..., Answer], *arguments: Any, limit: float | None = None
) -> Answer:
    """The function's value; it, the arguments and the value must be picklable.

    ``limit`` is how many seconds it may take from its start, None any number.

    Raises:
        ProcessEndedError: the process ended by itself, such as by ``os._exit`` or a crash.
        FunctionFailedError: the function raised.
        TimeoutError: it took longer.
    """
    context = get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=answer, args=(sending, function, arguments))
    with nothing_from_the_working_folder():
        process.start()
    sending.close()
    try:
        # What the process has to import first is not the function's time.
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
    result: Answer = value
    return result


def answer(sending: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Call the function and send what comes of it; what it prints is no output of the command."""
    os.dup2(2, 1)
    try:
        outcome = (True, function(*arguments))
    except KeyboardInterrupt:
        # The process that waits for this one was interrupted too, and says so.
        return
    except Exception as error:
        outcome = (False, "".join(traceback.format_exception_only(error)).strip())
    sending.send(outcome)


@contextmanager
def nothing_from_the_working_folder() -> Iterator[None]:
    """While a Python process starts: it does not import from the folder that it is started in.

    Python's own ways to start one use ``-c``, which puts that folder first on the path: a file
    ``random.py`` there would be executed.
    """
    # The environment is the whole process's: threads take turns.
    with STARTING:
        before = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        try:
            yield
        finally:
            del os.environ[SAFE_PATH]
            if before is not None:
                os.environ[SAFE_PATH] = before
