"""Whether a worker's machine, which may have joined late, has the driver's versions."""

import platform
from functools import cache
from typing import Any

from runners.on_ray.machines.facts import PACKAGE, code_digest, public, version_of
from runners.trials.worker import Worker

VERSIONS, REFUSED = "versions", "refused"


@cache
def versions_here() -> dict[str, str | None]:
    """What must be the same on all machines: the digest of this code, and torch's version."""
    return {PACKAGE: code_digest(), "torch": public(version_of("torch"))}


def step_of(worker: Worker, configuration: dict[str, Any]) -> dict[str, Any]:
    """The worker's step, or a report that refuses the trial: its numbers could be others here."""
    for name, wanted in configuration.get(VERSIONS, {}).items():
        if (found := versions_here()[name]) != wanted:
            what = f"another {name}" if name == PACKAGE else f"{name} {found}, not {wanted},"
            reason = f"{platform.node()} has {what} than this command had at its start"
            return {"done": True, REFUSED: f"{reason}: install the same there, or end Ray there"}
    return worker.step(configuration)
