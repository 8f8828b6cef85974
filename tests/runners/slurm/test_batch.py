"""The script of a Slurm job, run by bash with stand-ins for Slurm's commands and for the sweep."""

import os
import socket
import sys
from pathlib import Path

import pytest
from patience import until

sys.path.insert(0, str(Path(__file__).parent))
from stand_ins import Slurm, write_script

COMPLETE, USER_ERROR, INCOMPLETE, FAILED, INTERRUPTED = 0, 2, 3, 4, 130
UNTIL_TERM = """
trap 'echo TERM >>"$CALLS.sweep"; {before_the_end}; exit 130' TERM
touch started
while true; do sleep 0.02; done
"""
CHECKPOINT = 'mkdir -p "$results/trials/one"; touch "$results/trials/one/checkpoint.pt"'


@pytest.fixture
def slurm(tmp_path):
    return Slurm(folder=tmp_path, programs=tmp_path / "programs", setup=("export results",))


def sweep(slurm, text):
    write_script(slurm.programs / "adaloss-sweep", text)


def stopped(slurm):
    """The exit code and the log of a job that gets TERM while the sweep runs."""
    started = slurm.folder / "started"
    started.unlink(missing_ok=True)
    process = slurm.start()
    until(started.exists)
    process.terminate()
    log, _ = process.communicate()
    return process.returncode, log


@pytest.mark.parametrize("code", [COMPLETE, USER_ERROR, FAILED])
def test_a_sweep_that_ended_is_not_queued_again(slurm, code):
    sweep(slurm, f'echo "$PWD $*" "${{RAY_ADDRESS-none}}"; exit {code}')
    assert slurm.run() == (code, f"{slurm.folder} run grid.yaml none\n")
    assert slurm.requeued == 0
    assert list(slurm.results.iterdir()) == []


def test_a_sweep_that_time_ended_stops_in_order_and_is_queued_again(slurm):
    sweep(slurm, UNTIL_TERM.format(before_the_end=CHECKPOINT))
    code, log = stopped(slurm)
    assert code == INTERRUPTED
    assert slurm.requeued == 1
    assert (slurm.folder / "calls.sweep").read_text() == "TERM\n"
    assert "the job is queued again and will continue" in log


def test_a_sweep_that_ends_while_it_is_stopped_is_complete(slurm):
    sweep(slurm, UNTIL_TERM.format(before_the_end="exit 0"))
    assert stopped(slurm)[0] == COMPLETE
    assert slurm.requeued == 0


@pytest.mark.parametrize("code", [INCOMPLETE, FAILED])
def test_a_sweep_that_lost_ray_is_queued_again(slurm, code):
    sweep(slurm, f'touch "$ADALOSS_CUT_SHORT"; exit {code}')
    assert slurm.run()[0] == code
    assert slurm.requeued == 1


def test_a_sweep_that_run_cap_or_a_figure_left_incomplete_is_not_queued_again(slurm):
    sweep(slurm, f"exit {INCOMPLETE}")
    code, log = slurm.run()
    assert code == INCOMPLETE
    assert slurm.requeued == 0
    assert "all trials of this run have ended, so the job is not queued again" in log
    assert list(slurm.results.iterdir()) == []


def test_a_crash_of_the_command_is_not_queued_again(slurm):
    sweep(slurm, "exit 1")
    assert slurm.run()[0] == 1
    assert slurm.requeued == 0
    assert list(slurm.results.iterdir()) == []


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", ""])
def test_a_job_that_slurm_has_ended_is_not_queued_again(slurm, state):
    slurm.state = state
    sweep(slurm, UNTIL_TERM.format(before_the_end=CHECKPOINT))
    code, log = stopped(slurm)
    assert code == INTERRUPTED
    assert slurm.requeued == 0
    assert f"Slurm says that the job is {state or 'gone'}" in log


def test_three_starts_without_progress_are_the_end(slurm):
    sweep(slurm, UNTIL_TERM.format(before_the_end=":"))
    for slurm.restarts in range(2):
        stopped(slurm)
    assert slurm.requeued == 2
    slurm.restarts = 2
    code, log = stopped(slurm)
    assert code == INTERRUPTED
    assert slurm.requeued == 2
    assert "no trial ended and no checkpoint was written in 3 starts" in log
    assert "raise --time" in log


def test_a_checkpoint_starts_the_count_again(slurm):
    for slurm.restarts in range(2):
        sweep(slurm, UNTIL_TERM.format(before_the_end=":"))
        stopped(slurm)
    sweep(slurm, UNTIL_TERM.format(before_the_end=CHECKPOINT))
    slurm.restarts = 2
    stopped(slurm)
    sweep(slurm, UNTIL_TERM.format(before_the_end=":"))
    for slurm.restarts in range(3, 6):
        stopped(slurm)
    assert slurm.requeued == 5


def test_a_node_that_does_not_see_the_results_is_named(slurm):
    slurm.nodes, slurm.hidden = 3, str(slurm.results)
    sweep(slurm, "touch started")
    code, log = slurm.run()
    assert code == USER_ERROR
    assert f"node node3 does not see /nowhere{slurm.results}" in log
    assert "node1 does not" not in log
    assert "put these on a folder that all nodes see under the same path" in log
    assert not (slurm.folder / "started").exists()


def test_a_file_that_no_node_sees_is_named(slurm):
    slurm.needed = (slurm.folder / "absent.yaml",)
    sweep(slurm, "touch started")
    code, log = slurm.run()
    assert code == USER_ERROR
    assert f"node node1 does not see {slurm.folder}/absent.yaml" in log


def test_a_folder_of_rays_that_is_another_users_is_refused(slurm):
    if os.getuid():
        pytest.skip("only root can give a folder to another user")
    folder = Path(f"/tmp/ray-{os.getpid()}-0")
    folder.mkdir()
    try:
        os.chown(folder, 1, 1)
        sweep(slurm, "touch started")
        code, log = slurm.run()
    finally:
        folder.rmdir()
    assert code == USER_ERROR
    assert f"{folder} on node node1 cannot be created or is another user's" in log
    assert not (slurm.folder / "started").exists()


RAY = """
echo "$SLURMD_NODENAME $*" >>"$CALLS.ray"
echo "$RAY_AUTH_MODE ${#RAY_AUTH_TOKEN} $RAY_TMPDIR" >>"$CALLS.environment"
exec sleep 600
"""
# Both have joined, or one says why it cannot.
JOINED = """
until [[ $(grep -c . "$CALLS.ray" 2>/dev/null) == 2 ]] ||
    grep -q "cannot be created" "$results/slurm-ray.log"; do sleep 0.02; done
"""
LISTENS = """
import os, socket, time
with socket.create_server((os.environ["head"], int(os.environ["port"]))):
    print("node1", file=open(os.environ["CALLS"] + ".ray", "a"), flush=True)
    time.sleep(600)
"""
RAY_THAT_LISTENS = f"""
if [[ $SLURM_NODEID == 0 ]]; then exec {sys.executable} -c '{LISTENS}'; fi
echo node2 >>"$CALLS.ray"
exec sleep 600
"""


@pytest.fixture
def two_nodes(slurm):
    """Two nodes on which Ray starts."""
    slurm.nodes = 2
    write_script(slurm.programs / "ray", RAY)
    write_script(slurm.programs / "python", f'[[ $1 == -P ]] || exit 1\necho "$*"; {JOINED}')
    return slurm


def test_ray_starts_on_every_node_before_the_sweep(two_nodes):
    sweep(two_nodes, 'echo "joins $RAY_ADDRESS"')
    code, log = two_nodes.run()
    assert code == COMPLETE
    first, second = log.splitlines()
    assert first == "-P -m runners.on_ray.nodes_joined node1 node2"
    address = second.removeprefix("joins ")
    head, other = sorted((two_nodes.folder / "calls.ray").read_text().splitlines())
    host, port = address.split(":")
    assert head.startswith("node1 start --block")
    assert f"--head --node-ip-address={host} --port={port} --include-dashboard=false" in head
    assert other.startswith("node2 start --block")
    assert f"--address={address}" in other
    for line in (head, other):
        assert "--num-cpus=1 --object-store-memory" in line
    modes = {(two_nodes.folder / "calls.environment").read_text()}
    folder = Path(f"/tmp/ray-{os.getpid()}-0")
    assert modes == {f"token 64 {folder}\n" * 2}
    assert not folder.exists()


def test_nodes_that_do_not_join_are_tried_again(two_nodes):
    write_script(two_nodes.programs / "python", 'echo "Ray has not started on node2" >&2; exit 1')
    code, log = two_nodes.run()
    assert code == INCOMPLETE
    assert two_nodes.requeued == 1
    assert "Ray has not started on node2" in log


def test_a_signal_during_rays_start_ends_it(two_nodes):
    write_script(
        two_nodes.programs / "python", "[[ $1 == -P ]] || exit 1\ntouch started\nexec sleep 600"
    )
    code, _ = stopped(two_nodes)
    assert code == INCOMPLETE
    assert two_nodes.requeued == 1


def test_a_command_that_ends_with_ray_is_queued_again(two_nodes):
    # Nobody listens at Ray's port.
    sweep(two_nodes, "exit 1")
    assert two_nodes.run()[0] == 1
    assert two_nodes.requeued == 1


@pytest.mark.parametrize("code", [1, USER_ERROR, FAILED])
def test_a_command_that_fails_while_ray_is_there_is_not_queued_again(two_nodes, code):
    write_script(two_nodes.programs / "ray", RAY_THAT_LISTENS)
    sweep(two_nodes, f"exit {code}")
    assert two_nodes.run()[0] == code
    assert two_nodes.requeued == 0


@pytest.mark.parametrize("export", ["NONE", "HOME,WANDB_API_KEY"])
def test_ray_starts_in_a_job_that_gets_nothing_from_where_it_was_submitted(two_nodes, export):
    two_nodes.export = export
    sweep(two_nodes, ":")
    code, log = two_nodes.run()
    assert code == COMPLETE, log
    started = (two_nodes.folder / "calls.ray").read_text().splitlines()
    assert sorted(line.split()[0] for line in started) == ["node1", "node2"]


def test_two_jobs_on_one_node_have_their_own_ports(two_nodes):
    sweep(two_nodes, 'echo "joins $RAY_ADDRESS"')
    *_, first = two_nodes.run()[1].splitlines()
    host, port = first.removeprefix("joins ").split(":")
    (two_nodes.folder / "calls.ray").unlink()
    with socket.create_server((host, int(port))):
        *_, second = two_nodes.run()[1].splitlines()
    assert second != first
