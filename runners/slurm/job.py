"""What a Slurm job asks for, and the mistakes in it."""

import re
from dataclasses import dataclass

from adaloss.errors import UserError

TIME_FORMS = "minutes, hours:minutes:seconds or days-hours:minutes:seconds"
# Slurm keeps the time of a signal in 16 bits.
LONGEST_GRACE = 65535
# The script depends on these, or an option of the command sets them.
SET_BY_THE_SCRIPT = {
    "--nodes": "write --nodes",
    "-N": "write --nodes",
    "--time": "write --time",
    "-t": "write --time",
    "--chdir": "run the command in that folder",
    "-D": "run the command in that folder",
    "--signal": "write --grace",
    "--requeue": "the script has it",
    "--no-requeue": "the job continues after its time limit by being requeued",
    "--open-mode": "the script has it",
    "--output": "the log is slurm-NAME-ID.log in the folder of the command",
    "-o": "the log is slurm-NAME-ID.log in the folder of the command",
    "--array": "two jobs cannot run one sweep; write --nodes",
    "-a": "two jobs cannot run one sweep; write --nodes",
    "--ntasks": "there is one task on each node; write --cpus-per-node",
    "-n": "there is one task on each node; write --cpus-per-node",
    "--ntasks-per-node": "there is one task on each node; write --cpus-per-node",
    "--cpus-per-task": "write --cpus-per-node",
    "-c": "write --cpus-per-node",
}


@dataclass(frozen=True, kw_only=True)
class SlurmJob:
    """The resources and the options of a job.

    ``time`` and ``grace`` are times as Slurm writes them; ``grace`` is how long before the time
    limit the sweep is asked to stop. ``options`` are further options of sbatch, ``setup`` are
    lines of shell that come before the start.

    Raises:
        UserError: an option is not one that sbatch or the script can use.
    """

    name: str
    time: str
    nodes: int = 1
    grace: str = "5"
    partition: str | None = None
    account: str | None = None
    gpus_per_node: int | None = None
    cpus_per_node: int | None = None
    mem: str | None = None
    options: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every option."""
        limit, grace = seconds("--time", self.time), seconds("--grace", self.grace)
        if not 0 < grace < min(limit, LONGEST_GRACE + 1):
            raise UserError(
                f"--grace {self.grace}: must be more than 0, less than --time {self.time} and at "
                f"most {LONGEST_GRACE // 60} minutes"
            )
        for option, word in (
            ("--job-name", self.name),
            ("--partition", self.partition),
            ("--account", self.account),
        ):
            if word is not None and not re.fullmatch(r"[^\s/%\\'\"]+", word):
                raise UserError(
                    f"{option} {word!r}: write one word without spaces, slashes, quotes or %"
                )
        if self.mem is not None and not re.fullmatch(r"\d+[KMGT]?", self.mem):
            raise UserError(
                f"--mem {self.mem}: write the memory of a node, such as 64G or 64000M; 0 is all"
            )
        for option in self.options:
            check_option(option)
        for line in self.setup:
            if "\n" in line:
                raise UserError("--setup: write one line; repeat the option for more lines")

    @property
    def grace_seconds(self) -> int:
        """How long before the time limit the sweep is asked to stop."""
        return seconds("--grace", self.grace)

    def directives(self) -> tuple[str, ...]:
        """The options as sbatch takes them, other than those that every script has."""
        named = {
            "job-name": self.name,
            "nodes": self.nodes,
            "ntasks-per-node": 1,
            "cpus-per-task": self.cpus_per_node,
            "gpus-per-node": self.gpus_per_node,
            "mem": self.mem,
            "time": self.time,
            "partition": self.partition,
            "account": self.account,
        }
        known = (f"--{name}={value}" for name, value in named.items() if value is not None)
        return (*known, *self.options)

    def asks_for_gpus(self) -> bool:
        """Whether one of the options asks for GPUs."""
        return bool(self.gpus_per_node) or any(
            option.startswith(("--gres", "--gpus", "-G")) for option in self.options
        )


def seconds(option: str, text: str) -> int:
    """A time as Slurm writes it, in seconds.

    Raises:
        UserError: it is not such a time.
    """
    days, dash, clock = text.rpartition("-")
    parts = clock.split(":")
    if not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", text):
        raise UserError(f"{option} {text}: write {TIME_FORMS}, such as 90, 8:00:00 or 2-00:00:00")
    numbers = [int(part) for part in parts]
    if dash:
        hours, minutes, rest = (*numbers, 0, 0)[:3]
        return ((int(days) * 24 + hours) * 60 + minutes) * 60 + rest
    if len(numbers) == 3:
        return (numbers[0] * 60 + numbers[1]) * 60 + numbers[2]
    return numbers[0] * 60 + (numbers[1] if len(numbers) == 2 else 0)


def check_option(option: str) -> None:
    """Check a further option of sbatch.

    Raises:
        UserError: it is not one option, or the script sets it.
    """
    if not re.fullmatch(r"-[^\n]+", option):
        raise UserError(
            f"--sbatch-option {option!r}: write one option of sbatch with its value, such as "
            "--constraint=a100"
        )
    name = re.split(r"[=\s]", option)[0]
    name = name if name.startswith("--") else name[:2]
    if name in SET_BY_THE_SCRIPT:
        raise UserError(f"--sbatch-option {option}: {SET_BY_THE_SCRIPT[name]}")
