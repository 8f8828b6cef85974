"""The page of one trial: what its record says, and nothing where it says nothing."""

from io import StringIO

import pytest
from rich.console import Console
from small_records import finish

from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.pages.trial import trial_page


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [("AdamW(lr=0.1, eps=1e-08)", ["optimizer: AdamW(lr=0.1, eps=1e-08)"]), (None, [])],
)
def test_the_arguments_of_a_named_optimizer_are_shown(make_trial, tmp_path, recorded, shown):
    store, trial = Store(tmp_path), make_trial(optimizer="adamw")
    finish(store, trial, TrialState.COMPLETE)
    result = store.read_result(trial)
    store.write_result(trial, result.model_copy(update={"optimizer": recorded}))
    console = Console(width=200, record=True, file=StringIO())
    console.print(trial_page(trial, store))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert [line for line in lines if line.startswith("optimizer:")] == shown
