"""One of Ray's servers dies: a sentence, exit code 3, nobody left who writes, and it goes on."""

import signal

import pytest
from kill_points import gcs, raylet, workers
from patience import PATIENCE

pytestmark = pytest.mark.slow

COMPLETE, INCOMPLETE = 0, 3
LONG = ("epochs: 3", "epochs: 100000")


@pytest.mark.parametrize(("server", "name"), [(raylet, "raylet"), (gcs, "gcs_server")])
def test_the_death_of_a_server_is_told_in_a_sentence(
    server, name, sweep, grid_text, begin, command
):
    records = sweep(grid_text.replace(*LONG).replace("sgd_constant", "sgd_decay_sqrt"))
    with begin("run") as run:
        run.wait_until(lambda: any(records.store.trials_folder.glob("*/checkpoint.pt")))
        (victim,) = server(run)
        victim.send(signal.SIGKILL)
        # Whoever is left when the command has ended could write into the next one's records.
        run.process.wait(PATIENCE)
        assert workers(run) == []
        ended = run.end(PATIENCE)
    assert ended.code == INCOMPLETE, ended.said
    assert ended.orphans == ()
    (said,) = [line for line in ended.said.splitlines() if "died" in line]
    assert said.startswith(f"Ray's {name} has died, so the sweep has stopped: ")
    assert "the next `run` continues" in said
    for of_ray in ("(raylet)", ".cc:", ".h:", "Traceback", "worker lost"):
        assert of_ray not in ended.said
    assert records.finished() == {}
    assert any(records.store.trials_folder.glob("*/checkpoint.pt"))


@pytest.mark.parametrize("server", [raylet, gcs])
def test_so_it_is_while_most_trials_have_yet_to_start(server, sweep, grid_text, begin, command):
    records = sweep(grid_text.replace("seeds: 2", "seeds: 200"))
    with begin("run") as run:
        run.wait_until(lambda: records.ended() >= 2)
        (victim,) = server(run)
        victim.send(signal.SIGKILL)
        ended = run.end(PATIENCE)
    assert ended.code == INCOMPLETE, ended.said
    assert "has died, so the sweep has stopped: " in ended.said
    assert "Traceback" not in ended.said
    assert ended.orphans == ()
