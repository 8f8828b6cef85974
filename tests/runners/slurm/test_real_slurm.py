"""A sweep as a job of a real Slurm, of one node on this machine, that is stopped and goes on."""

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from patience import until

pytestmark = pytest.mark.slow
PROGRAM = Path(sys.executable).parent / "adaloss-sweep"
DAEMONS = ("munged", "slurmctld", "slurmd")
GRID = """\
name: small
parameters:
  {dataset: digits, model: mlp, optimizer: adaloss, b0: 1, lr: 1, epochs: 300, batch_size: 128}
seeds: 2
execution: {checkpoint_interval: 1s}
wandb: {mode: disabled}
"""
# A requeued job waits for cred_expire seconds; Slurm allows no fewer.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=sched_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=1000
PartitionName=all Nodes=ALL Default=YES State=UP
"""


def free_ports(number):
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("", 0))) for _ in range(number)]
        return [server.getsockname()[1] for server in servers]


def found(name):
    """The path of a program that may be one for administrators only."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


@pytest.fixture(scope="module")
def slurm():
    """The environment of a Slurm with one node, which ends with the test."""
    if absent := [name for name in (*DAEMONS, "sbatch") if not found(name)]:
        pytest.skip(f"not installed: {', '.join(absent)}")
    # Short, because munge's socket is in it.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    configuration = folder / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    configuration.write_text(
        CONFIGURATION.format(folder=folder, host=host, user=getpass.getuser(), ports=free_ports(2))
    )
    environment = os.environ | {"SLURM_CONF": str(configuration)}
    environment.pop("RAY_ADDRESS", None)
    files = {"socket": "munge.socket", "pid-file": "munged.pid", "log-file": "munged.log"}
    paths = [f"--{name}={folder / file}" for name, file in files.items()]
    commands = {
        "munged": ("--foreground", "--force", f"--key-file={key}", f"--seed-file={folder}/seed"),
        "slurmctld": ("-D",),
        "slurmd": ("-D", "-N", "node1"),
    }
    commands["munged"] += tuple(paths)
    daemons = {}
    try:
        for name, arguments in commands.items():
            with (folder / f"{name}.out").open("wb") as output:
                daemons[name] = subprocess.Popen(
                    [found(name), *arguments], env=environment, stdout=output, stderr=output
                )
            if name == "munged":
                until(lambda: (folder / "munge.socket").exists() or has_ended(daemons))

        def is_idle():
            for name in has_ended(daemons):
                pytest.skip(f"{name} does not start: {(folder / f'{name}.out').read_text()[-500:]}")
            return asked(environment, "sinfo", "--noheader", "--format=%T") == "idle"

        until(is_idle)
        yield environment
    finally:
        # The job of a test that failed.
        asked(environment, "scancel", "--signal=KILL", "--full", "--partition=all")
        asked(environment, "scancel", "--partition=all")
        for daemon in reversed(daemons.values()):
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(20)
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def has_ended(daemons):
    """The names of those that have ended."""
    return [name for name, daemon in daemons.items() if daemon.poll() is not None]


def asked(environment, *command):
    """What one of Slurm's commands prints."""
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return ended.stdout.strip()


def test_a_job_that_is_stopped_is_queued_again_and_completes(slurm, tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID)
    options = ["--time", "30", "--cpus-per-node", "2", "--submit", "--json"]
    submitted = subprocess.run(
        [PROGRAM, "slurm", "grid.yaml", *options],
        env=slurm,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    job = json.loads(submitted.stdout)["job"]
    log = tmp_path / f"slurm-small-{job}.log"
    results = tmp_path / "results" / "small"
    until(lambda: list(results.rglob("checkpoint.pt")))
    # As Slurm does before the time limit: the batch script alone gets the signal.
    subprocess.run(["scancel", "--batch", "--signal=TERM", job], env=slurm, check=True)

    def is_over():
        shown = asked(slurm, "scontrol", "show", "job", job)
        return "JobState=COMPLETED" in shown or "JobState=FAILED" in shown

    until(is_over)
    assert "Restarts=1" in asked(slurm, "scontrol", "show", "job", job)
    text = log.read_text()
    assert "2 of 2 trials are done" in text
    assert "the job is queued again and will continue" in text
    # Every epoch of every trial is recorded once.
    for metrics in results.rglob("metrics.jsonl"):
        epochs = Counter(json.loads(line)["epoch"] for line in metrics.read_text().splitlines())
        assert epochs == dict.fromkeys(range(1, 301), 1)
    assert len(list(results.rglob("result.json"))) == 2
    assert not list(results.glob(".slurm-*"))
