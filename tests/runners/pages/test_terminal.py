"""Commands whose streams the shell has closed, or sent to files, work as others do."""

import io
import subprocess
import sys

import pytest

from runners.pages.terminal import agreed, is_attended


@pytest.fixture
def with_a_shell(tmp_path):
    """A Python command line with such redirections: its exit code and output."""

    def run(words, redirection):
        line = f"exec {sys.executable} {words} {redirection}"
        ended = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "redirection", "code", "said"),
    [
        ("run grid.yaml --wandb onlin", "2>&-", 2, ""),
        ("rm small", "<&-", 2, "nothing was deleted: add --yes"),
        ("show grid.yaml mlp-adaloss-b0=1-seed0", ">&-", 0, ""),
    ],
)
def test_a_command_without_a_stream_does_what_it_does_with_it(
    with_a_shell, finished, words, redirection, code, said
):
    ended, printed = with_a_shell(f"-m adaloss_sweep {words}", redirection)
    assert (ended, said in printed) == (code, True), printed


@pytest.mark.parametrize(("number", "closed"), [(0, "<&-"), (1, ">&-"), (2, "2>&-")])
def test_a_closed_stream_gets_its_own_number_back(with_a_shell, number, closed):
    """Else the next file of the process would have it, and what the process starts would use it."""
    code, printed = with_a_shell(
        "-c '"
        "import os, sys; from runners.pages.terminal import open_closed_streams; "
        "open_closed_streams(); "
        f"stream = [sys.stdin, sys.stdout, sys.stderr][{number}]; "
        f"sys.exit(0 if stream.fileno() == {number} and os.get_inheritable({number}) else 1)"
        "'",
        closed,
    )
    assert (code, printed) == (0, "")


@pytest.mark.parametrize(
    ("answer", "yes"), [("y", True), ("YES ", True), ("n", False), ("", False)]
)
def test_a_question_is_asked_where_it_is_seen(monkeypatch, capsys, answer, yes):
    """Standard output may be a file, in which nobody would look for it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert agreed("Run them?") is yes
    assert capsys.readouterr() == ("", "Run them? [y/N] ")


def test_who_does_not_see_a_question_is_not_asked(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stderr", Terminal())
    assert is_attended()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert not is_attended()
    monkeypatch.setattr("sys.stdin", None)
    assert not is_attended()
