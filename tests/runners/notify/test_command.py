"""The command for an event: it gets the facts, and its failures are warnings."""

from pathlib import Path

import pytest
from patience import until

from runners.notify.command import Commands


def started(command, *, limit=30.0):
    """The lines that a command led to."""
    said = []
    commands = Commands(command=command, say=said.append, limit=limit)
    commands.start("small: it ended", {"ADALOSS_EVENT": "end"})
    commands.wait()
    return said


def test_it_gets_the_sentence_as_input_and_the_facts_as_variables(tmp_path):
    file = tmp_path / "told"
    assert started(f'{{ cat; echo "$ADALOSS_EVENT"; }} > {file}') == []
    assert file.read_text() == "small: it ended\nend\n"


def test_one_that_fails_is_one_warning_with_what_it_printed():
    assert started("echo first; echo no such topic >&2; exit 3") == [
        "warning: notify: `echo first; echo no such topic >&2; exit 3` ended with exit code 3: "
        "no such topic"
    ]


def test_one_that_does_not_exist_is_a_warning():
    (warning,) = started("no-such-program-here")
    assert "ended with exit code 127" in warning


@pytest.mark.slow
def test_one_that_hangs_is_ended_with_what_it_started(tmp_path):
    file = tmp_path / "started"
    command = f"sleep 600 & echo $! > {file}; sleep 600"
    assert started(command, limit=2) == [f"warning: notify: `{command}` was ended after 2 s"]
    process = Path("/proc", file.read_text().strip())
    until(lambda: not process.exists() or " Z " in (process / "stat").read_text())


def test_one_that_reads_nothing_and_prints_much_is_none():
    assert started("exec 0<&-; yes | head -c 300000") == []
