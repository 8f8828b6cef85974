"""Ray that is lost, its processes and what it prints, without Ray: what holds whatever Ray does."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import until

from runners.on_ray import address as ray_address
from runners.on_ray import processes as processes_module
from runners.on_ray.address import lost_cluster, no_answer
from runners.on_ray.end_message import KILLED
from runners.on_ray.processes import lost_server, marked, shows
from runners.on_ray.ray_lost import RayLostError, stopped_when

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="Linux only")


@pytest.fixture(autouse=True)
def interrupted_by_sigterm():
    """As a sweep answers it."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


def sleep_while_there(lost):
    with stopped_when(lost):
        time.sleep(1000)


def nothing():
    return None


def test_what_waits_for_ever_is_stopped_when_ray_is_lost():
    with pytest.raises(RayLostError, match=r"^gone, so the sweep has stopped\. .* `run` continues"):
        sleep_while_there(lambda: "gone")


def test_an_error_for_want_of_ray_is_told_as_its_loss():
    message = []

    def lost():
        message.append("gone")
        return message[0]

    def fail_when_told():
        try:
            time.sleep(1000)
        finally:
            raise ConnectionError("no server")

    with pytest.raises(RayLostError, match="gone"), stopped_when(lost):
        fail_when_told()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConnectionError])
def test_what_happens_while_ray_is_there_stays_what_it_is(error):
    with pytest.raises(error), stopped_when(nothing):
        raise error
    with stopped_when(nothing):
        pass


@needs_proc
def test_what_was_started_is_gone_afterwards_and_nothing_else(tmp_path):
    other = subprocess.Popen(["sleep", "1000"])
    with marked(tmp_path):
        # A process that is deaf to all but the last word, and one that it starts.
        deaf = subprocess.Popen(["sh", "-c", "trap '' TERM INT; sleep 1000 & wait"])
    assert deaf.wait() == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


@needs_proc
def test_a_process_that_becomes_another_program_is_looked_for_again(tmp_path, monkeypatch):
    looks = []

    with marked(tmp_path):
        started = subprocess.Popen(["sleep", "60"])

        def seen_at_the_second_look(folder, mark):
            if folder.name != str(started.pid):
                return shows(folder, mark)
            looks.append(folder)
            return None if len(looks) == 1 else shows(folder, mark)

        monkeypatch.setattr(processes_module, "shows", seen_at_the_second_look)
    assert started.wait() == -signal.SIGKILL
    assert len(looks) > 1


@pytest.mark.parametrize(
    ("environment", "flags", "environment_end", "so"),
    [
        ("", 0x400000, 0, None),
        ("HOME=/root", 0x400000, 0x7FFE0000, False),
        ("HOME=/root\0MARK=1\0", 0x400000, 0x7FFE0000, True),
        pytest.param("", 0x400000, 0x7FFE0000, False, id="started with an empty environment"),
        pytest.param("", 0x400004, 0, False, id="ending"),
        pytest.param("", 0x208040, 0, False, id="a thread of the kernel's"),
    ],
)
def test_a_process_between_two_programs_is_known(tmp_path, environment, flags, environment_end, so):
    (tmp_path / "environ").write_text(environment)
    fields = ["0"] * 50
    fields[6], fields[48] = str(flags), str(environment_end)
    (tmp_path / "stat").write_text(f"12 (a) b) R {' '.join(fields[1:])}\n")
    assert shows(tmp_path, b"MARK=1") is so


KILLED_RUN = """
import os, subprocess, sys
from pathlib import Path
from runners.on_ray.processes import marked
with marked(Path(sys.argv[1])):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    print(subprocess.Popen(["sleep", "1000"], **quiet).pid, flush=True)
    os._exit(1)
"""


def left_by_a_killed_run(results):
    """The id of a process that a run of these results has left behind."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, results],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    return int(run.stdout)


@needs_proc
def test_what_a_killed_run_has_left_is_ended_by_the_next_of_the_same_results(tmp_path):
    left, of_others = (left_by_a_killed_run(tmp_path / name) for name in ("mine", "others"))
    with marked(tmp_path / "mine"):
        assert not is_alive(left)
    assert is_alive(of_others)
    os.kill(of_others, signal.SIGKILL)


def is_alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@needs_proc
def test_a_server_that_dies_is_named(tmp_path):
    server = tmp_path / "raylet"
    server.symlink_to("/bin/sleep")
    with marked(tmp_path) as processes:
        started = subprocess.Popen([server, "1000"])
        until(processes.servers)
        lost = lost_server(processes)
        assert lost() is None
        # Not waited for: it is dead all the same.
        started.kill()
        assert until(lost) == "Ray's raylet has died"
    started.wait()


def test_a_cluster_is_lost_when_it_has_been_silent_for_long(monkeypatch):
    monkeypatch.setattr(ray_address, "SECONDS_BETWEEN_CHECKS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        lost = lost_cluster(address)
        assert no_answer(address) is None
        assert lost() is None
    assert lost() is None
    monkeypatch.setattr(ray_address, "SECONDS_OF_SILENCE", 0.0)
    assert lost().startswith(f"the Ray cluster at {address} has not answered for 0 s (Connection")


def test_an_address_that_is_rays_to_resolve_is_not_asked():
    assert no_answer("auto") is None


PRINTS = """
import os, sys
from pathlib import Path
from runners.on_ray.output import printed_to
with printed_to(Path(sys.argv[1])):
    if len(sys.argv) > 2:
        os.write(1, b"from C\\n")
        os.write(2, b"from C too\\n")
        print("from a thread of Ray")
    print("ours", file=sys.stderr)
print("a table")
print("and ours", file=sys.stderr)
"""


def prints(*arguments):
    command = [sys.executable, "-c", PRINTS, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return run.stdout, run.stderr


def test_what_ray_prints_is_kept_off_the_terminal(tmp_path):
    assert prints(tmp_path / "ray.log", "loud") == ("a table\n", "ours\nand ours\n")
    printed = (tmp_path / "ray.log").read_text().splitlines()
    assert sorted(printed) == ["from C", "from C too", "from a thread of Ray"]


def test_where_ray_prints_nothing_there_is_no_file(tmp_path):
    assert prints(tmp_path / "ray.log") == ("a table\n", "ours\nand ours\n")
    assert list(tmp_path.iterdir()) == []


ENDS = """
import os, signal, sys, time
from runners.on_ray.end_message import message_if_killed
with message_if_killed():
    exec(sys.argv[1])
print("the end", file=sys.stderr)
"""


def ends(how):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(
        [sys.executable, "-c", ENDS, how], capture_output=True, text=True, check=False,
        env=environment, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_killed_process_leaves_a_message(how):
    assert ends(how).stderr.splitlines() == [KILLED]


CTRL_C = """
signal.signal(signal.SIGINT, lambda *given: None)
time.sleep(0.2)
os.killpg(0, signal.SIGINT)
"""


@pytest.mark.parametrize("how", ["pass", CTRL_C])
def test_a_process_that_ends_in_order_leaves_none(how):
    assert ends(how).stderr.splitlines() == ["the end"]


def test_the_message_is_printed_after_a_ctrl_c():
    assert ends(CTRL_C + "os._exit(1)").stderr.splitlines() == [KILLED]
