"""The memory allocator of CPU workers: jemalloc, which is part of Ray (decisions/014)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from adaloss.tasks.program.environment import ALLOCATOR

# Ray preloads its jemalloc into its servers, and into workers only with the first variable.
# With the second, jemalloc keeps freed memory, so that steps do not request it again page by page.
# Scripts of the user's, which workers start, have neither.
VARIABLES = ALLOCATOR
# A user who sets one of these has chosen an allocator.
USER_VARIABLES = (
    *VARIABLES,
    "LD_PRELOAD",
    "RAY_JEMALLOC_CONF",
    "RAY_JEMALLOC_LIB_PATH",
    "RAY_JEMALLOC_PROFILE",
)


@contextmanager
def workers_with_jemalloc() -> Iterator[None]:
    """Have the processes that Ray starts use jemalloc, unless the user has chosen an allocator.

    Changes nothing if Ray has no jemalloc for this system.
    """
    if any(name in os.environ for name in USER_VARIABLES):
        yield
        return
    os.environ.update(VARIABLES)
    try:
        yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)
