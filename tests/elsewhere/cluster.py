"""A Ray cluster of several "machines" on this one.

Each has its own host name, network address, processes and mounts. Killing its first process is
what pulling the plug is to a machine.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp

from patience import until

PROGRAMS = ("ip", "nsenter", "unshare", "mount")
PORT, DASHBOARD_PORT = 6379, 8265
# Folders that each machine has for itself.
OF_EACH = ("cache", "tmp")
OWN = ("--mount", "--net", "--uts", "--pid")
# As on other machines, the first process removes orphans that have ended: Ray waits for those of a
# job that it stops.
FIRST = ("sh", "-c", "sleep infinity & wait")
# Ray counts a silent machine as dead after 15 s, instead of 30 s and more.
IMPATIENT = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "3000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "4",
}


def why_not() -> str:
    """Why machines of this kind cannot be had here; empty if they can."""
    if absent := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"not installed: {', '.join(absent)}"
    tried = subprocess.run(["unshare", *OWN, "--fork", "ip", "link"], capture_output=True)
    return "" if tried.returncode == 0 else "this user may not make namespaces"


@dataclass
class Machine:
    """One machine: ``first`` is its first process, with whose end it is gone."""

    name: str
    address: str
    cable: str
    ray_folder: Path
    log: Path
    cpus: int
    hidden: tuple[Path, ...]
    first: subprocess.Popen[bytes]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def words(self, *command: object) -> list[str]:
        """The command that executes this one on the machine."""
        inside = ["nsenter", "--target", str(self.pid), *OWN, "--wd=."]
        return [*inside, *map(str, command)]

    @property
    def pid(self) -> int:
        """Its first process, as this machine numbers it."""
        children = Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children")
        return int(until(children.read_text))

    def run(self, *command: object) -> str:
        """The output of a command on the machine, which must succeed."""
        done = subprocess.run(self.words(*command), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_ray(self, *options: object, variables: dict[str, str]) -> None:
        """Start Ray's servers, which end with the machine."""
        words = [Path(sys.executable).parent / "ray", "start", "--block", "--disable-usage-stats"]
        words += ["--node-ip-address", self.address, "--node-name", self.name]
        words += ["--num-cpus", str(self.cpus), "--object-store-memory", "80000000", *options]
        own = {"RAY_TMPDIR": str(self.ray_folder)}
        with self.log.open("wb") as output:
            self.started.append(
                subprocess.Popen(
                    self.words(*words),
                    stdout=output,
                    stderr=output,
                    env=environment() | IMPATIENT | variables | own,
                )
            )

    def hide(self, *folders: Path) -> None:
        """Put an empty folder of the machine's own in the place of each of these."""
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            self.run("mount", "-t", "tmpfs", "tmpfs", folder)

    def die(self) -> None:
        """Lose it, with everything that runs on it."""
        with suppress(ProcessLookupError, ValueError):
            os.kill(self.pid, signal.SIGKILL)
        for process in (*self.started, self.first):
            process.wait()

    def plug(self, *, in_: bool) -> None:
        """Plug its network cable in, or pull it out."""
        subprocess.run(["ip", "link", "set", self.cable, "up" if in_ else "down"], check=True)


@dataclass
class Cluster:
    """Machines whose Ray knows the others. The first is the head.

    With ``jobs`` its dashboard takes jobs, for which the extra ``jobs`` must be installed.
    """

    folder: Path
    bridge: str
    net: str
    jobs: bool = False
    token: str = field(default_factory=lambda: token_hex(16))
    machines: list[Machine] = field(default_factory=list)
    made: int = 0

    @property
    def address(self) -> str:
        """The cluster's address for RAY_ADDRESS."""
        return f"{self.machines[0].address}:{PORT}"

    @property
    def dashboard(self) -> str:
        """The address to submit jobs to."""
        return f"http://{self.machines[0].address}:{DASHBOARD_PORT}"

    @property
    def own_variables(self) -> dict[str, str]:
        """Variables with the names of the machines' own folders and the cluster's token."""
        cache, temporary = (str(self.folder / name) for name in OF_EACH)
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}
        return {"XDG_CACHE_HOME": cache, "TMPDIR": temporary, **token}

    def add(self, *, cpus: int = 1, hidden: Sequence[Path] = ()) -> Machine:
        """A further machine. In ``hidden`` it sees folders of its own.

        Its user's cache, its temporary files, and what Ray writes, are always its own.
        """
        self.made += 1
        number = self.made
        cable = f"{self.bridge}m{number}"
        machine = Machine(
            name=f"machine{number}",
            address=f"{self.net}.{number}",
            cable=cable,
            ray_folder=self.folder / "ray",
            log=self.folder / f"machine{number}.log",
            cpus=cpus,
            hidden=tuple(hidden),
            first=subprocess.Popen(
                ["unshare", *OWN, "--fork", "--mount-proc", "--kill-child", *FIRST],
                stderr=subprocess.DEVNULL,
            ),
        )
        self.machines.append(machine)
        pid = machine.pid
        here = Path("/proc/self/ns/net").readlink()
        until(lambda: Path(f"/proc/{pid}/ns/net").readlink() != here)
        until(lambda: Path(f"/proc/{pid}/comm").read_text().strip() == FIRST[0])
        link = ["ip", "link"]
        other = ["peer", "name", "eth0", "netns", str(pid)]
        subprocess.run([*link, "add", cable, "type", "veth", *other], check=True)
        subprocess.run([*link, "set", cable, "master", self.bridge, "up"], check=True)
        machine.run("hostname", machine.name)
        machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            machine.run("ip", "link", "set", device, "up")
        machine.hide(machine.ray_folder, *(self.folder / name for name in OF_EACH), *hidden)
        self.start_ray(machine)
        return machine

    def start_ray(self, machine: Machine) -> None:
        """Start Ray on the machine, as the head if it is the first."""
        head = ["--head", "--port", PORT, "--include-dashboard", str(self.jobs).lower()]
        head += ["--dashboard-host", machine.address, "--dashboard-port", DASHBOARD_PORT]
        head += ["--temp-dir", machine.ray_folder]
        options = head if machine is self.machines[0] else ["--address", self.address]
        machine.start_ray(*options, variables=self.own_variables)

    def restart(self, number: int) -> None:
        """Replace all machines, of which only the first may see what the others do not."""
        hidden = self.machines[-1].hidden if self.machines else ()
        for machine in self.machines:
            machine.die()
        self.machines.clear()
        for index in range(number):
            self.add(hidden=hidden if index else ())
        self.wait()

    def wait(self) -> None:
        """Wait until all machines have joined."""

        def joined() -> bool:
            for machine in self.machines:
                # Ray gives its start half a minute, which on a busy machine is too short.
                if machine.started[-1].poll() is not None:
                    self.start_ray(machine)
            logs = [machine.log.read_text() for machine in self.machines]
            return all("Ray runtime started" in log for log in logs)

        until(joined, pause=0.2)

    def start(
        self, machine: Machine, *words: object, cwd: Path | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        """Start a program on a machine of the cluster, with RAY_ADDRESS."""
        own = {"RAY_ADDRESS": self.address} | self.own_variables
        return subprocess.Popen(
            machine.words(*words),
            cwd=cwd or self.folder,
            env=environment() | own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def environment() -> dict[str, str]:
    """This process's variables without those of another Ray."""
    return {name: text for name, text in os.environ.items() if not name.startswith("RAY_")}


@contextmanager
def machines(
    number: int, *, cpus: int = 1, hidden: Sequence[Path] = (), jobs: bool = False
) -> Iterator[Cluster]:
    """A cluster of so many machines, all of which but the first have ``hidden`` folders."""
    draw = random.SystemRandom()
    with ExitStack() as ends:
        # Short, because the paths of Ray's sockets are.
        folder = Path(mkdtemp(prefix="cl-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        net = f"10.{draw.randrange(1, 255)}.{draw.randrange(1, 255)}"
        cluster = Cluster(folder, bridge=f"b{draw.randrange(16**6):06x}", net=net, jobs=jobs)
        subprocess.run(["ip", "link", "add", cluster.bridge, "type", "bridge"], check=True)
        ends.callback(subprocess.run, ["ip", "link", "del", cluster.bridge], check=True)
        subprocess.run(["ip", "link", "set", cluster.bridge, "up"], check=True)
        ends.callback(lambda: [machine.die() for machine in cluster.machines])
        for index in range(number):
            cluster.add(cpus=cpus, hidden=hidden if index else ())
        cluster.wait()
        yield cluster
