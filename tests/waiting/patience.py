"""How long a test waits for what is sure to come."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

# No measure of speed: a busy machine may need a hundred times what an idle one does, and what
# never comes is to fail and not to hang.
PATIENCE = 900.0


def until(found: Callable[[], Found], pause: float = 0.05) -> Found:
    """What is found at last, looked for again and again."""
    deadline = time.monotonic() + PATIENCE
    while not (what := found()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(pause)
    return what
