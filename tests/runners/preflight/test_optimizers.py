"""The copy of a grid in a folder of results loads without its optimizers, and cannot run."""

from dataclasses import replace

import pytest

from adaloss.grid.sweep import load_sweep
from runners.preflight.checks import PreflightError, preflight
from runners.preflight.inputs.optimizers import optimizers


def test_what_is_read_without_its_optimizer_is_not_run(cli, planned, tmp_path):
    (tmp_path / "gone_since.py").write_text(
        "import torch\nclass Mine(torch.optim.SGD):\n    def __init__(self, params, lr): ...\n"
    )
    about = planned(("[adaloss, sgd_constant]", "[adaloss, 'gone_since:Mine']"))
    assert list(optimizers(about)) == []
    store = about.store
    store.open_trial(about.trials[0])
    store.write_text(store.grid_path, about.sweep.text)
    (tmp_path / "gone_since.py").unlink()
    copied = replace(about, sweep=load_sweep(store.grid_path), trials=about.trials)
    with pytest.raises(
        PreflightError,
        match=r"gone_since:Mine: there is no module gone_since in .*to run them, run the grid",
    ):
        preflight(copied, print)
    _, listed, errors = cli("list")
    assert " 8 " in listed
    assert errors == ""


def test_a_parameter_of_a_program_is_no_optimizer_of_ours(planned, tmp_path):
    (tmp_path / "train.py").touch()
    (tmp_path / "grid.yaml").write_text(
        "name: own\nprogram: train.py\nmetric: {name: loss}\nparameters: {optimizer: 'gone:Adam'}\n"
    )
    assert list(optimizers(planned())) == []


def test_what_another_grid_would_be_refused_for_is_read_and_not_run(planned):
    about = planned()
    about.store.open_trial(about.trials[0])
    text = about.sweep.text.replace("b0: [0.01, 1]", "b0: [0.01, 1e-170]")
    about.store.write_text(about.store.grid_path, text)
    sweep = load_sweep(about.store.grid_path)
    (doubt,) = sweep.doubts
    assert doubt in sweep.notes
    with pytest.raises(PreflightError, match=r"b0 must be between .*to run more, correct it"):
        preflight(replace(about, sweep=sweep), print)
