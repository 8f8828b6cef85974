"""Waits until machines have joined a Ray cluster: ``python -m runners.on_ray.nodes_joined NAME…``.

The script of a Slurm job runs this before the sweep, which counts the cluster's resources once.
"""

import logging
import os
import sys
import time
from collections.abc import Collection

import ray

from runners.on_ray.address import no_answer

# Python on a slow network file system may take minutes to import Ray.
SECONDS_TO_JOIN = 300.0
SECONDS_BETWEEN_LOOKS = 1.0


def absent(names: Collection[str]) -> list[str]:
    """The machines that have not joined within the time, by the names that Ray was given.

    The cluster is the one at RAY_ADDRESS.
    """
    until = time.monotonic() + SECONDS_TO_JOIN
    while no_answer(os.environ["RAY_ADDRESS"]):
        if time.monotonic() > until:
            return list(names)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    ray.init(log_to_driver=False, logging_level=logging.CRITICAL)
    while True:
        joined = {node["NodeName"] for node in ray.nodes() if node["Alive"]}
        missing = [name for name in names if name not in joined]
        if not missing or time.monotonic() > until:
            return missing
        time.sleep(SECONDS_BETWEEN_LOOKS)


def main() -> None:
    """Exit with a message that names the machines that have not joined."""
    missing = absent(sys.argv[1:])
    if missing:
        sys.exit(f"Ray has not started on {', '.join(missing)} within {SECONDS_TO_JOIN:.0f} s")


if __name__ == "__main__":
    main()
