"""Start the mirror beside a sweep and end it in time, whatever it is doing."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaloss.store import Store
from adaloss.sweep import Sweep

Say = Callable[[str], None]
LOG_FILE = "mirror.log"
# -P: a folder of the user's that is called runners is not ours.
FOLLOWER = [sys.executable, "-P", "-m", "runners.tracking.follower"]


@contextmanager
def mirrored(sweep: Sweep, store: Store, mode: str, say: Say) -> Iterator[None]:
    """W&B's runs follow the records while this lasts, and for ``wandb.finish_timeout`` after.

    Trouble with it is one sentence and never the sweep's: what is missing is written by the next
    run of trials, or by ``adaloss-sweep sync``.
    """
    if mode == "disabled":
        yield
        return
    folder = store.root / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG_FILE).open("a") as log:
        process = subprocess.Popen(
            FOLLOWER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Ctrl-C on the terminal is the driver's alone.
            start_new_session=True,
        )
    tell(process, task_for(sweep, store))
    try:
        yield
    finally:
        finish(process, sweep.grid.wandb.finish_timeout, folder, say)


def task_for(sweep: Sweep, store: Store) -> dict[str, Any]:
    """What the follower is told."""
    return {
        # The copy: the user may go on to edit the file.
        "grid": str((store.root / "grid.yaml").resolve()),
        "store": str(store.root.resolve()),
    }


def tell(process: "subprocess.Popen[str]", task: dict[str, Any]) -> None:
    """Hand the task over; a follower that is gone already is noticed at the end."""
    assert process.stdin is not None, "the follower's input is a pipe"
    try:
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass


def finish(process: "subprocess.Popen[str]", patience: float, folder: Path, say: Say) -> None:
    """Let the follower catch up, for so many seconds; then it is ended."""
    try:
        said, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        say(f"W&B's runs are not all written after {patience:g} s; go on with: adaloss-sweep sync")
        return
    if process.returncode:
        say(f"W&B's runs could not be written; why is in {folder / LOG_FILE}")
    elif written := json.loads(said)["written"]:
        runs = "run" if written == 1 else "runs"
        say(f"W&B: {written} {runs} written; to upload: wandb sync {folder}/*/wandb/offline-run-*")
