"""The mirror as a process of its own beside the driver: training never waits for it.

Started as ``python -m runners.tracking.follower``; what to follow comes as one line of JSON on its
standard input. It ends when that is closed, after a last look at the records, or with the driver.
"""

import json
import select
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

from adaloss.store import Store
from adaloss.sweep import load_sweep
from runners.tracking.mirror import catch_up

SECONDS_BETWEEN_LOOKS = 2.0


def follow(task: dict[str, Any], stream: TextIO) -> int:
    """Mirror what is finished, again and again, until the stream ends; returns how many runs."""
    sweep = load_sweep(Path(task["grid"]))
    store = Store(Path(task["store"]))
    written, ended = 0, False
    while not ended:
        readable, _, _ = select.select([stream], [], [], SECONDS_BETWEEN_LOOKS)
        ended = bool(readable) and not stream.read(1)
        written += catch_up(sweep, store)
    return written


def main() -> None:
    """Follow as told; Ctrl-C is the driver's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.loads(sys.stdin.readline())
    print(json.dumps({"written": follow(task, sys.stdin)}))


if __name__ == "__main__":
    main()
