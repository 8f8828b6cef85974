"""The mode of W&B in which a run is mirrored, and the command that uploads it afterwards."""

import pytest
from small_records import finish

import runners
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from analysis.outputs import Outcome
from runners.api.running import Request, command_to_upload, mode_of
from runners.tracking.mode import ModeError


@pytest.fixture
def of_another_tool(monkeypatch):
    """A mode that W&B once had."""
    monkeypatch.setenv("WANDB_MODE", "dryrun")


@pytest.fixture
def mirrorings(monkeypatch):
    """How runs that start nothing would have been mirrored."""
    found = []

    def launched(sweep, plan, to_run, store, *, mirroring, **_):
        found.append(mirroring)
        for trial in to_run:
            finish(store, trial, TrialState.COMPLETE)

    monkeypatch.setattr("runners.api.running.launch", launched)
    monkeypatch.setattr(
        "runners.api.running.save_everything", lambda *_, draw: Outcome(answer=(), tables=())
    )
    monkeypatch.setattr("runners.api.running.start_early", lambda: None)
    return found


def test_an_option_prevails_over_the_environment(grid, of_another_tool):
    sweep = load_sweep(grid)
    with pytest.raises(ModeError, match=r"^WANDB_MODE dryrun: must be one of"):
        mode_of(sweep, Request())
    assert mode_of(sweep, Request(wandb="offline")) == "offline"
    assert mode_of(sweep, Request(smoke=True)) == "disabled"
    store = Store(grid.parent / "results" / "small")
    assert command_to_upload(sweep, store).endswith(" --wandb online")


def test_a_smoke_run_is_not_mirrored_and_refuses_a_mode_that_there_is_not(cli, grid):
    sweep = load_sweep(grid)
    assert mode_of(sweep, Request(smoke=True, wandb="online")) == "disabled"
    code, _, errors = cli("run", grid, "--smoke", "--wandb", "onlin")
    assert (code, "--wandb onlin: must be one of" in errors) == (2, True)
    assert not list(grid.parent.glob("results/smoke/small/trials"))


def test_so_it_does_for_the_command(cli, grid, of_another_tool, mirrorings):
    code, _, errors = cli("run", grid, "--wandb", "offline", "--no-figures", "--quiet")
    assert code == 0, errors
    assert mirrorings[0].mode == "offline"


def test_python_names_the_command_that_uploads_a_disabled_sweep(
    grid, tmp_path, monkeypatch, mirrorings
):
    monkeypatch.chdir(tmp_path)
    grid.write_text(grid.read_text() + "wandb: {mode: disabled}\n")
    runners.run("grid.yaml", wandb="offline", limit=1, quiet=True)
    assert mirrorings[0].sync_command == "adaloss-sweep sync grid.yaml --wandb online"
