"""Whether this machine's processor computes in bf16 itself, or slowly imitates it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runners.preflight.finding import Finding, warning
from runners.preflight.machine.gpus import may_use_gpus
from runners.preflight.planned import Planned

PROCESSORS = Path("/proc/cpuinfo")
# As Linux names them: of x86 processors, and of Arm's.
INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def bf16_on_processors(planned: Planned, processors: Path = PROCESSORS) -> Iterator[Finding]:
    """A warning for trials in bf16 on a processor that has no instructions for it.

    Measured on an EPYC with AVX2: a step of ResNet-20 takes ten times as long as in fp32.
    """
    if os.environ.get("RAY_ADDRESS") or may_use_gpus(planned.sweep.grid.resources.gpu):
        return
    asked = any(getattr(trial, "precision", None) == "bf16" for trial in planned.trials)
    if asked and (known := instructions(processors)) and not known & INSTRUCTIONS:
        yield warning(
            "precision",
            "this processor has no instructions for bf16, which may then take several times as "
            "long as fp32",
            "write precision: fp32, or auto, which is bf16 only on a GPU",
        )


def instructions(processors: Path) -> frozenset[str]:
    """The sets of instructions of the first processor; none where the system does not tell."""
    with suppress(OSError, UnicodeDecodeError):
        for line in processors.read_text("utf-8").splitlines():
            name, _, values = line.partition(":")
            if name.strip() in ("flags", "Features"):
                return frozenset(values.split())
    return frozenset()
