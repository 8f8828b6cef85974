"""A small sweep on disk, and the command line on it as a user runs it."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import without_ray
from clock import Clock
from command_server import CommandServer
from patience import PATIENCE
from small_records import finish
from wandb_double import Double, serving

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.cli.app import main

GRID = """\
name: small
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.01, 1]
  lr: 1
  epochs: 2
  batch_size: 128
seeds: 2
"""

KEY = "0123456789abcdef" * 2 + "01234567"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    return path


@pytest.fixture(scope="session")
def command_server() -> Iterator[CommandServer]:
    server = CommandServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def command_in(command_server: CommandServer) -> Callable[[Path], Command]:
    """``adaloss-sweep`` in a process of its own, in this folder."""

    def command_of(folder: Path) -> Command:
        def run(*arguments: object, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
            words = list(map(str, arguments))
            environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
            ended = command_server.run(words, folder, environment, timeout)
            output, errors = ended.stdout.decode(), ended.stderr.decode()
            return subprocess.CompletedProcess(words, ended.returncode, output, errors)

        return run

    return command_of


@pytest.fixture
def command(command_in: Callable[[Path], Command], tmp_path: Path) -> Command:
    """``adaloss-sweep`` in a folder of its own."""
    return command_in(tmp_path)


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str, str]]:
    """``adaloss-sweep`` in this process and a folder of its own: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["adaloss-sweep", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return (stop.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def cli_without_ray(
    cli: Callable[..., tuple[object, str, str]], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """``adaloss-sweep`` in this process, which also runs the trials and draws no figures."""
    monkeypatch.setitem(sys.modules, "runners.on_ray.trials", without_ray)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [*arguments, *(["--no-figures"] if arguments[0] in ("run", "retry") else [])]
        code, output, errors = cli(*words)
        return subprocess.CompletedProcess(words, code, output, errors)

    return run


@pytest.fixture
def finished(grid: Path, tmp_path: Path) -> Store:
    """The small sweep, on record: sgd_constant diverged at b0 = 0.01."""
    sweep = load_sweep(grid)
    store = Store(tmp_path / "results" / sweep.name)
    for trial in sweep.trials:
        lost = trial.optimizer == "sgd_constant" and trial.b0 == 0.01
        finish(store, trial, TrialState.DIVERGED if lost else TrialState.COMPLETE)
    return store


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No W&B account, settings or home of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "home" / name.lower()))


@pytest.fixture
def kept_from_others() -> Iterator[Callable[[Path], bool]]:
    """Of a user whose files are the group's to read and nobody else's: whether all below is so."""

    def as_the_umask_says(folder: Path) -> bool:
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
        assert modes
        assert modes == {path: 0o750 if path.is_dir() else 0o640 for path in modes}
        return True

    before = os.umask(0o027)
    yield as_the_umask_says
    os.umask(before)


@pytest.fixture
def key() -> str:
    """What W&B takes for an API key: 40 hexadecimal characters."""
    return KEY


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """A double of W&B's server, with somebody logged in to it."""
    with serving() as double:
        monkeypatch.setenv("WANDB_BASE_URL", double.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_INIT_TIMEOUT", "2")
        # Otherwise lines are collected for seconds before they are sent.
        monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "1")
        yield double
    assert double.unknown == []


@pytest.fixture
def clock() -> Clock:
    return Clock()
