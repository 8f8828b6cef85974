"""Where Ray is to run the trials: on this machine, or on a cluster that a variable names."""

import os

from runners.preflight.finding import Finding, fine


def cluster() -> Finding:
    """Whether RAY_ADDRESS sends the trials elsewhere."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        return fine("Ray", "RAY_ADDRESS is not set: trials run on this machine")
    return fine(
        "Ray",
        f"RAY_ADDRESS is {address}: Ray counts that cluster's processors, GPUs and memory, and "
        "all of its machines must have the results' and the data's folders under the same paths",
    )
