"""What the machines' facts mean for a sweep."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from adaloss.errors import UserError
from runners.on_ray.machines.facts import PACKAGE, PACKAGES, look, public
from runners.on_ray.machines.look import Machine
from runners.preflight.finding import Finding, Level, fine, refused, warning, with_level
from runners.trials.machine import WorkerSettings

# Files of several machines are ordered by their times.
MOST_SECONDS_APART = 2.0
LEAST_FREE = 2**30
MOST_NAMED = 5
# Other numbers come out with another one of these.
THAT_COUNT = (PACKAGE, "torch")


class MachinesError(UserError):
    """Trials on a machine of the cluster would fail, or have other numbers."""


def check(machines: Sequence[Machine], settings: WorkerSettings) -> list[str]:
    """The warnings about the machines before trials run on them.

    Raises:
        MachinesError: the sweep cannot work on them; the message lists all reasons.
    """
    found = tuple(findings(machines, look("", (), (), ())))
    if against := with_level(found, Level.REFUSED):
        reasons = "".join(f"\n  {finding.sentence}" for finding in against)
        raise MachinesError(f"the cluster cannot run these trials; nothing was started:{reasons}")
    warnings = [finding.sentence for finding in with_level(found, Level.WARNING)]
    return [*warnings, *idle(machines, settings)]


def ways(machines: Sequence[Machine], code: str) -> Iterator[str]:
    """Which ways records and ``code``, the user's own with its size, go between the machines."""
    known = [(machine.name, machine.facts) for machine in machines if machine.facts is not None]
    if away := [name for name, facts in known if not facts["sees_results"]]:
        yield f"trials on {listed(away)} send their records here, with Ray"
    if lacking := [name for name, facts in known if not facts["sees_code"]]:
        yield f"{code} is sent to {listed(lacking)}"


def idle(machines: Sequence[Machine], settings: WorkerSettings) -> Iterator[str]:
    """Which machines run no trials, and why."""
    small = [m.name for m in machines if m.resources.get("CPU", 0.0) < settings.cpus]
    if small:
        yield f"{listed(small)}: fewer processors than resources.cpu, so no trials run there"
    with_gpu = [m for m in machines if m.resources.get("GPU")]
    without = [m.name for m in machines if not m.resources.get("GPU")]
    if settings.gpus != 0 and with_gpu and without:
        yield (
            f"{listed(without)}: no GPU, so no trials run there (resources: {{gpu: 0}} uses the "
            "processors of all machines instead)"
        )


def smallest_gpu(machines: Sequence[Machine]) -> int | None:
    """The bytes of the smallest GPU of all machines, None if none is known."""
    known = [gpu for machine in machines for gpu in (machine.facts or {}).get("gpus", ())]
    sizes = [gpu.rpartition(", ")[2] for gpu in known]
    # nvidia-smi writes "[N/A]" for a GPU that shares the machine's memory.
    return min((int(size) * 2**20 for size in sizes if size.isdecimal()), default=None)


def listed(names: Sequence[str]) -> str:
    """The names of a few machines, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def findings(machines: Sequence[Machine], here: dict[str, Any]) -> Iterator[Finding]:
    """A row for each machine, with what speaks against a sweep on it.

    ``here`` are the facts of this process.
    """
    for machine in machines:
        if machine.facts is None:
            advice = "end Ray there, or start it again in the same environment as here"
            yield refused(machine.name, f"it does not answer ({machine.why})", advice)
            continue
        yield fine(machine.name, described(machine, machine.facts))
        yield from about(machine, machine.facts, here)


def described(machine: Machine, facts: dict[str, Any]) -> str:
    """What a machine has, in one line."""
    versions = ", ".join(f"{name} {facts['packages'][name] or '-'}" for name in PACKAGES)
    counted = Counter(facts["gpus"]).items()
    gpus = ", ".join(f"{number} × {gpu} MiB" for gpu, number in counted) or "no GPU"
    cpus = f"{machine.resources.get('CPU', 0):g} CPUs for Ray"
    sees = "sees the results" if facts["sees_results"] else "sends its records to this machine"
    free = f"{facts['free'] / 2**30:.0f} GiB free at home"
    return (
        f"{machine.address}, Python {facts['python']}, {versions}, {cpus}, {gpus}, {free}, {sees}"
    )


def about(machine: Machine, facts: dict[str, Any], here: dict[str, Any]) -> Iterator[Finding]:
    """What speaks against one machine."""
    name = machine.name
    if facts["code"] is None:
        found = f"adaloss-sweep is not installed for {facts['program']}"
        yield refused(name, found, "install it there, or start Ray there in the right environment")
        return
    if facts["code"] != here["code"]:
        yield refused(
            name,
            "its adaloss-sweep is not the one of this machine",
            "install the same version, or the same commit, on all machines",
        )
    for package in PACKAGES:
        theirs, ours = facts["packages"][package], here["packages"][package]
        if package == PACKAGE or public(theirs) == public(ours):
            continue
        found = f"it has {package} {theirs or 'not'}, and this machine {ours or 'not'}"
        if package in THAT_COUNT:
            yield refused(name, found, "install the same version on all machines")
        else:
            yield warning(name, found, "numbers may differ between them")
    if facts["absent"]:
        paths = ", ".join(facts["absent"])
        yield refused(name, f"it does not have {paths}", "copy or mount it there, at this path")
    if abs(machine.ahead) > MOST_SECONDS_APART:
        side = "ahead of" if machine.ahead > 0 else "behind"
        found = f"its clock is at least {abs(machine.ahead):.0f} s {side} this one"
        yield warning(name, found, "set it: records contain the time")
    if facts["free"] < LEAST_FREE:
        yield warning(name, f"{facts['free'] / 2**20:.0f} MiB are free at home", "free some")
