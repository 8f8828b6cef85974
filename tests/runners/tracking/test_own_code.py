"""The mirror finds the user's own code where the sweep does: beside the grid."""

import pytest
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from runners.tracking.sync import synchronise


@pytest.mark.slow
def test_an_optimizer_beside_the_grid_is_found_from_another_folder(grid, store, tmp_path):
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "optimizer_of_the_mirror.py").write_text(
        "import torch\n\n\nclass Own(torch.optim.SGD):\n    pass\n"
    )
    text = grid.read_text().replace("sgd_constant", "'optimizer_of_the_mirror.py:Own'")
    (folder / "grid.yaml").write_text(text)
    sweep = load_sweep(folder / "grid.yaml")
    trial = next(each for each in sweep.trials if each.optimizer == "optimizer_of_the_mirror:Own")
    finish(store, trial, TrialState.COMPLETE)
    outcome = synchronise(sweep, store, "offline", print, dry_run=True)
    assert outcome.missing == (f"{trial.readable_name} ({trial.trial_id}): complete",)
