"""Memory, processor time and the system's limits are compared with what workers need."""

import resource
import subprocess
import sys

import pytest
from findings_of_checks import FINE, WARNING

from runners.preflight.machine import limits, memory

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


@pytest.mark.parametrize(("available", "level"), [(2_000_000_000, FINE), (1_600_000_000, WARNING)])
def test_memory_is_a_warning_with_its_numbers(available, level):
    finding = memory.memory(2, available)
    assert finding.level is level
    assert "2 workers and Ray take about 1.65 GB" in finding.found


def test_the_advice_on_memory_is_what_fits():
    assert "max_concurrent: 3" in memory.memory(8, 650_000_000 + 3 * 500_000_000).advice


def test_a_containers_limit_counts_where_it_is_less(tmp_path, monkeypatch):
    most, used = tmp_path / "max", tmp_path / "current"
    most.write_text("1500000000\n")
    used.write_text("500000000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", ((most, used),))
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", meminfo)
    assert memory.available_memory() == 1_000_000_000
    # Files that were read are kept in memory only as long as nobody needs it.
    (tmp_path / "memory.stat").write_text("file 400000000\ninactive_file 300000000\n")
    assert memory.available_memory() == 1_300_000_000
    (tmp_path / "memory.stat").write_text("inactive_file 5\ntotal_inactive_file 200000000\n")
    assert memory.available_memory() == 1_200_000_000
    most.write_text("max\n")
    assert memory.available_memory() == 8_000_000 * 1024


def test_a_containers_time_counts(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("200000 100000\n")
    finding = limits.compared_with_quota("", 64, 1, quota)
    assert finding.level is WARNING
    assert "max_concurrent: 2" in finding.advice
    assert limits.compared_with_quota("", 2, 1, quota).level is FINE
    assert limits.compared_with_quota("", 1, 2, quota).level is FINE
    # Who follows the advice is not warned again.
    assert "max_concurrent: 1" in limits.compared_with_quota("", 16, 2, quota).advice
    assert "resources: {cpu: 2}" in limits.compared_with_quota("", 16, 4, quota).advice
    quota.write_text("50000 100000\n")
    assert limits.compared_with_quota("", 1, 1, quota).level is FINE
    quota.write_text("max 100000\n")
    assert limits.compared_with_quota("", 64, 1, quota).level is FINE


@pytest.mark.parametrize(
    ("limit", "subject", "command"),
    [("RLIMIT_NOFILE", "open files", "ulimit -n"), ("RLIMIT_NPROC", "processes", "ulimit -u")],
)
def test_a_low_limit_is_a_warning(limit, subject, command):
    code = (
        "import resource\n"
        "from runners.preflight.machine.limits import limits\n"
        f"resource.setrlimit(resource.{limit}, (200, 200))\n"
        "for finding in limits(4): print(finding.level, finding.sentence)"
    )
    message = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    (line,) = (line for line in message.stdout.splitlines() if subject in line)
    assert line.startswith("warning")
    assert "200 allowed" in line
    assert command in line


def test_a_limit_that_ray_may_raise_is_none():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        (files, _) = limits.limits(1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files.level is FINE or hard < 300
