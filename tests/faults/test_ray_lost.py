"""One of Ray's servers dies: the run explains it, exits with 3, and leaves no worker behind."""

import signal

import pytest
from kill_points import gcs, raylet, workers
from patience import PATIENCE

pytestmark = pytest.mark.slow

COMPLETE, INCOMPLETE = 0, 3
LONG = ("epochs: 3", "epochs: 100000")


@pytest.mark.parametrize(("server", "name"), [(raylet, "raylet"), (gcs, "gcs_server")])
def test_the_death_of_a_server_is_reported_in_a_sentence(
    server, name, sweep, grid_text, begin, command
):
    records = sweep(grid_text.replace(*LONG).replace("sgd_constant", "sgd_decay_sqrt"))
    with begin("run") as run:
        run.wait_until(lambda: any(records.store.trials_folder.glob("*/checkpoint.pt")))
        (victim,) = server(run)
        victim.send(signal.SIGKILL)
        # A worker that survives the command could write into the records of the next one.
        run.process.wait(PATIENCE)
        assert workers(run) == []
        ended = run.end(PATIENCE)
    assert ended.code == INCOMPLETE, ended.output
    assert ended.orphans == ()
    (line,) = [text for text in ended.output.splitlines() if "died" in text]
    assert line.startswith(f"Ray's {name} has died, so the sweep has stopped. ")
    assert "the next `run` continues" in line
    for text_of_ray in ("(raylet)", ".cc:", ".h:", "Traceback", "worker lost"):
        assert text_of_ray not in ended.output
    assert records.finished() == {}
    assert any(records.store.trials_folder.glob("*/checkpoint.pt"))


@pytest.mark.parametrize("server", [raylet, gcs])
def test_the_death_of_a_server_is_reported_while_most_trials_are_pending(
    server, sweep, grid_text, begin, command
):
    records = sweep(grid_text.replace("seeds: 2", "seeds: 200"))
    with begin("run") as run:
        run.wait_until(lambda: records.ended() >= 2)
        (victim,) = server(run)
        victim.send(signal.SIGKILL)
        ended = run.end(PATIENCE)
    assert ended.code == INCOMPLETE, ended.output
    assert "has died, so the sweep has stopped. " in ended.output
    assert "Traceback" not in ended.output
    assert ended.orphans == ()
