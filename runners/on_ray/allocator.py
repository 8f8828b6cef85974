"""The allocator of workers on processors: jemalloc, which Ray brings along (decisions/014)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Ray preloads its jemalloc into its servers, and takes it from workers unless told otherwise.
# Memory that is given back to the system has to be asked for again, page by page: by every step.
VARIABLES = {
    "RAY_LD_PRELOAD_ON_WORKERS": "1",
    "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1",
}
# Who sets one of these has chosen already.
USERS_OWN = (
    *VARIABLES,
    "LD_PRELOAD",
    "RAY_JEMALLOC_CONF",
    "RAY_JEMALLOC_LIB_PATH",
    "RAY_JEMALLOC_PROFILE",
)


@contextmanager
def workers_with_jemalloc() -> Iterator[None]:
    """While Ray starts: what it starts is told to use jemalloc, unless the user has a say in it.

    Where Ray has none for this system, nothing is different.
    """
    if any(name in os.environ for name in USERS_OWN):
        yield
        return
    os.environ.update(VARIABLES)
    try:
        yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)
