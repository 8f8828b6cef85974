"""Whether a worker's machine, which may have joined late, has the driver's versions."""

import platform
from functools import cache
from typing import Any

from runners.on_ray.machines.facts import PACKAGE, code_digest, public, version_of
from runners.trials.worker import Worker, refusal

VERSIONS = "versions"


class OtherVersionsError(OSError):
    """A trial on this machine could have other numbers than on the driver's."""


@cache
def versions_here() -> dict[str, str | None]:
    """What must be the same on all machines: the digest of this code, and torch's version."""
    return {PACKAGE: code_digest(), "torch": public(version_of("torch"))}


def step_of(worker: Worker, configuration: dict[str, Any]) -> dict[str, Any]:
    """The worker's step, or a report that refuses the trial because versions differ."""
    for name, wanted in configuration.get(VERSIONS, {}).items():
        if (found := versions_here()[name]) != wanted:
            what = f"another {name}" if name == PACKAGE else f"{name} {found}, not {wanted}"
            message = f"{platform.node()} has {what}: install the driver's there, or end Ray there"
            return refusal(OtherVersionsError(message))
    return worker.step(configuration)
