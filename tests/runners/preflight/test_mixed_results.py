"""What would be mixed with results of other code is refused, with a command that works."""

from dataclasses import replace

import pytest
from small_records import finish

from adaloss.records.result import Fingerprint, TrialState
from runners.preflight.finding import Level
from runners.preflight.inputs.mixed_results import mixed_results

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")

OTHER_CODE = Fingerprint(model={"mine.py": "0" * 16})


@pytest.fixture
def of_other_code(planned, tmp_path):
    """A sweep with a model of the user's; the first results are of other code, as recorded."""
    (tmp_path / "mine.py").write_text("def net(**_): ...\n")

    def plan(fingerprint, done=1):
        whole = planned(("model: mlp", "model: mine:net"), storage=tmp_path / "all of it")
        for trial in whole.sweep.trials[:done]:
            finish(whole.store, trial, TrialState.COMPLETE)
            result = whole.store.read_result(trial)
            changed = result.model_copy(update={"fingerprint": fingerprint})
            whole.store.write_result(trial, changed)
        return replace(whole, trials=whole.sweep.trials[done:])

    return plan


@pytest.mark.parametrize(
    ("fingerprint", "level"), [(OTHER_CODE, Level.REFUSED), (None, Level.WARNING)]
)
def test_the_command_names_the_storage_and_is_quoted(of_other_code, grid, fingerprint, level):
    (finding,) = mixed_results(of_other_code(fingerprint))
    assert finding.level is level
    storage = grid.parent / "all of it"
    assert f"`adaloss-sweep retry {grid} --storage '{storage}' --changed`" in finding.advice


def test_results_that_are_to_be_set_aside_are_not_mixed(of_other_code):
    planned = of_other_code(OTHER_CODE, done=2)
    first, second, *_ = planned.sweep.trials
    # As of a retry of both of which run_cap lets one run now.
    assert list(mixed_results(replace(planned, trials=(first,), missing=(first, second)))) == []
    assert len(list(mixed_results(replace(planned, trials=(first,))))) == 1
