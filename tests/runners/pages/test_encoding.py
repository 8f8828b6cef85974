"""Whatever the encoding of the output, every command prints, and files are UTF-8."""

import codecs
import io
import os
import subprocess
import sys

import pytest
from patience import PATIENCE

from runners.pages.encoding import HANDLER, make_readable_everywhere, other_signs

NOT_UTF_8 = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "cp1252"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


def encoding_of(environment):
    return environment.get("PYTHONIOENCODING", "ascii")


@pytest.fixture
def printed(tmp_path, grid, finished, command_server):
    """A command's output and errors as bytes, in an environment; it must not raise."""

    def run(environment, *arguments):
        variables = os.environ | environment
        if "LC_ALL" in environment:
            # Python reads it only as it starts.
            ended = subprocess.run(
                [sys.executable, "-m", "runners", *arguments],
                cwd=tmp_path,
                env=variables,
                capture_output=True,
                timeout=PATIENCE,
            )
        else:
            words = list(map(os.fsdecode, arguments))
            ended = command_server.run(words, tmp_path, variables, PATIENCE)
        assert b"Traceback" not in ended.stderr, ended.stderr.decode(errors="replace")
        return ended

    return run


@pytest.mark.slow
@pytest.mark.parametrize("environment", NOT_UTF_8, ids=str)
def test_states_and_marks_are_printed_in_any_encoding(printed, environment):
    ended = printed(environment, "status", "grid.yaml")
    assert ended.returncode == 0
    text = ended.stdout.decode(encoding_of(environment))
    assert "o complete" in text
    assert "!" in text


@pytest.mark.slow
@pytest.mark.parametrize("environment", NOT_UTF_8, ids=str)
def test_tables_and_errors_are_printed_in_any_encoding(printed, environment):
    encoding = encoding_of(environment)
    table = printed(environment, "table", "grid.yaml", "-o", "t.md")
    assert (table.returncode, table.stderr.decode(encoding)) == (0, "wrote t.md\n")
    text = printed(environment, "table", "grid.yaml").stdout.decode(encoding)
    assert ("mean+/-standard" if encoding == "ascii" else "mean±standard") in text
    wrong = printed(environment, "status", "grid.yaml", "--only", "b0=η±✓")
    assert wrong.returncode == 2
    assert "η" not in wrong.stderr.decode(encoding)


@pytest.mark.slow
def test_what_is_written_to_files_is_utf_8(printed, tmp_path):
    printed(NOT_UTF_8[0], "table", "grid.yaml", "-o", "t.md")
    printed(NOT_UTF_8[3], "table", "grid.yaml", "-o", "again.md")
    assert "±" in (tmp_path / "t.md").read_text(encoding="utf-8")
    assert (tmp_path / "t.md").read_bytes() == (tmp_path / "again.md").read_bytes()
    assert printed(NOT_UTF_8[3], "init", "new.yaml").returncode == 0
    assert printed(NOT_UTF_8[3], "plan", "new.yaml").returncode == 0


@pytest.mark.parametrize("environment", [{}, NOT_UTF_8[0]], ids=str)
@pytest.mark.parametrize(
    "arguments",
    [("status",), ("table",), ("table", "-o", b"t\xff.md"), ("report",), ("export",)],
    ids=str,
)
def test_paths_that_are_not_unicode_are_no_reason_to_fail(
    printed, tmp_path, environment, arguments
):
    (tmp_path / "results").rename(tmp_path / os.fsdecode(b"r\xff"))
    (tmp_path / "grid.yaml").rename(tmp_path / os.fsdecode(b"g\xff.yaml"))
    name, *rest = arguments
    assert printed(environment, name, b"g\xff.yaml", "--storage", b"r\xff", *rest).returncode == 0


def test_a_missing_file_is_named_as_far_as_it_can_be(printed):
    ended = printed({}, "status", b"no\xff.yaml")
    assert ended.returncode == 2
    assert r"no\udcff.yaml: there is no such file" in ended.stderr.decode()


@pytest.mark.parametrize(
    ("sign", "plain"),
    [
        ("±", "+/-"), ("×", "x"), ("−", "-"), ("…", "..."), ("√", "sqrt"), ("✓", "ok"),
        ("η", "eta"), ("α", "alpha"), ("Φ", "Phi"), ("é", "e"), ("ž", "z"), ("₀", "0"), ("²", "2"),
        ("│", "|"), ("─", "-"), ("┼", "+"), ("ﬁ", "fi"),
        ("中", r"\u4e2d"), ("\udcff", r"\udcff"), ("\N{ROCKET}", r"\U0001f680"),
    ],
)  # fmt: skip
def test_each_sign_has_something_like_it_in_ascii(sign, plain):
    assert other_signs(sign) == plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_stream_keeps_its_encoding_and_takes_every_sign(encoding, monkeypatch):
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding=encoding, errors="strict")
    monkeypatch.setattr("sys.stdout", stream)
    make_readable_everywhere()
    print("71.2±4.5 é η \udcff")
    stream.flush()
    printed = file.getvalue().decode(encoding)
    assert (
        printed
        == {
            "ascii": "71.2+/-4.5 e eta \\udcff\n",
            "latin-1": "71.2±4.5 é eta \\udcff\n",
            "utf-8": "71.2±4.5 é η \\udcff\n",
        }[encoding]
    )


def test_decoding_errors_stay_errors():
    with pytest.raises(UnicodeDecodeError):
        codecs.decode(b"\xff", "ascii", HANDLER)
