"""The GPU memory of a script, as nvidia-smi tells it; a stand-in answers here."""

import os
import subprocess
import sys

import pytest

from adaloss.records.result import DeviceMemory
from adaloss.tasks.program.gpu_memory import GpuMemory

ANSWERS = """#!/bin/sh
echo "$@" >> "{folder}/asked"
case "$1" in
  *compute-apps*) cat "{folder}/apps" ;;
  *) echo "5000, 81559" ;;
esac
"""
MIB = 2**20
MARK = "ADALOSS_REPORT=/of/this/trial"


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """A nvidia-smi that names the processes in the file apps."""
    command = tmp_path / "nvidia-smi"
    command.write_text(ANSWERS.format(folder=tmp_path))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    (tmp_path / "apps").write_text("")
    return tmp_path


def seen(*, looks=1):
    memory = GpuMemory()
    for _ in range(looks):
        memory.next_look = 0.0
        memory.look(os.getpgrp(), MARK)
    return memory.measured


def test_the_memory_of_the_groups_own_processes_counts(smi):
    (smi / "apps").write_text(f"{os.getpid()}, 700\n1, 9000\n{os.getpid()}, 50\n")
    assert seen() == DeviceMemory(peak=750 * MIB, total=81559 * MIB)
    assert "--id=3" in (smi / "asked").read_text()


def test_the_memory_of_neighbours_does_not_count_before_the_script_has_its_own(smi):
    (smi / "apps").write_text("1, 9000\n")
    memory = GpuMemory()
    memory.look(os.getpgrp(), MARK)
    assert memory.measured is None
    (smi / "apps").write_text(f"1, 9000\n{os.getpid()}, 700\n")
    memory.next_look = 0.0
    memory.look(os.getpgrp(), MARK)
    assert memory.measured == DeviceMemory(peak=700 * MIB, total=81559 * MIB)


def test_a_process_in_a_session_of_its_own_counts_by_its_environment(smi):
    """As those of torchrun."""
    name, _, value = MARK.partition("=")
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        env={**os.environ, name: value},
        start_new_session=True,
    ) as process:
        (smi / "apps").write_text(f"1, 9000\n{process.pid}, 700\n")
        assert seen() == DeviceMemory(peak=700 * MIB, total=81559 * MIB)


def test_all_of_it_counts_where_processes_have_other_numbers(smi):
    (smi / "apps").write_text("99999999, 700\n")
    assert seen() == DeviceMemory(peak=5000 * MIB, total=81559 * MIB)


def test_nvidia_smi_is_not_asked_all_the_time(smi):
    memory = GpuMemory()
    for _ in range(50):
        memory.look(os.getpgrp(), MARK)
    assert len((smi / "asked").read_text().splitlines()) == 2


def test_without_an_answer_nothing_is_measured(smi, monkeypatch):
    (smi / "nvidia-smi").write_text("#!/bin/sh\necho 'No devices were found'; exit 6\n")
    assert seen() is None
    monkeypatch.setenv("PATH", "")
    assert seen() is None
