"""Trials that share a GPU compute on it at the same time: NVIDIA's Multi-Process Service.

Without it the GPU gives each process a slice of time, and a small network's kernels leave most of
it idle: eight trials of ResNet-20 on an H200 did half of what they do with it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

COMMAND = "nvidia-cuda-mps-control"
# Where clients find the service; a user who sets it has started one.
PIPES = "CUDA_MPS_PIPE_DIRECTORY"
LOGS = "CUDA_MPS_LOG_DIRECTORY"
SECONDS_TO_ANSWER = 20.0


@contextmanager
def gpus_shared_at_once() -> Iterator[None]:
    """Have the processes that are started inside compute on a GPU at the same time.

    Changes nothing if NVIDIA's command is not installed, the service does not start, or the user
    has started one.
    """
    if PIPES in os.environ or shutil.which(COMMAND) is None:
        yield
        return
    with TemporaryDirectory(prefix="adaloss-sweep-mps-", ignore_cleanup_errors=True) as folder:
        own = {PIPES: folder, LOGS: folder}
        if not started(own):
            yield
            return
        os.environ.update(own)
        try:
            yield
        finally:
            for name in own:
                os.environ.pop(name, None)
            control(own, "quit")


def started(own: dict[str, str]) -> bool:
    """Start the service; whether it answers. One that does not is told to end."""
    if not control(own, None):
        return False
    answers = control(own, "get_server_list")
    if not answers:
        control(own, "quit")
    return answers


def control(own: dict[str, str], order: str | None) -> bool:
    """Give the service an order, or start it; whether that succeeded."""
    environment = os.environ | own
    # The service must know all GPUs, because its clients count among those that it knows.
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [COMMAND] if order else [COMMAND, "-d"],
            input=order and f"{order}\n",
            stdin=None if order else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(own[PIPES]),
            env=environment,
            text=True,
            timeout=SECONDS_TO_ANSWER,
            check=True,
        )
        return True
    return False
