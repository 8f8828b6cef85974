"""A URL is no folder of this machine; only results may be at one that can be reached."""

import pytest

from adaloss.records.places import url_problem

COMMANDS = {
    "run": (), "plan": (), "doctor": (), "status": (), "show": ("mlp",), "table": (), "plot": (),
    "stats": (), "compare": (), "report": (), "export": (), "retry": (), "watch": (), "sync": (),
    "dashboard": (), "trial": (), "verify": (), "gc": (), "archive": (), "rm": (),
    "rename": ("new",), "merge": ("other",),
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_storage_that_cannot_be_reached_is_named(cli, grid, tmp_path, command):
    code, message, errors = cli(command, grid, *COMMANDS[command], "--storage", "no://bucket/x")
    assert (code, message) == (2, "")
    assert "no://bucket/x/small: Protocol not known: no" in errors
    assert {path.name for path in tmp_path.iterdir()} <= {"grid.yaml", "home"}


@pytest.mark.parametrize("command", ["status", "table", "report"])
def test_so_are_results_that_cannot_be_reached(cli, command):
    code, _, errors = cli(command, "no://bucket/x/small")
    assert code == 2
    assert "no://bucket/x/small: Protocol not known: no" in errors


def test_a_machine_that_cannot_reach_a_storage_is_told(cli):
    code, said, _ = cli("doctor", "--storage", "no://bucket/x")
    assert code == 2
    assert "refused  storage: no://bucket/x: Protocol not known: no" in said
    code, said, _ = cli("doctor", "--storage", "memory://bucket/x")
    assert "memory://bucket/x can be reached, and is empty" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("table", "grid.yaml", "-o", "gs://b/t.md"),
        ("stats", "grid.yaml", "-o", "gs://b/t.md"),
        ("compare", "grid.yaml", "-o", "gs://b/t.md"),
        ("compare", "grid.yaml", "--with", "gs://b/t.csv"),
        ("plot", "grid.yaml", "-o", "gs://b/t.pdf"),
        ("report", "grid.yaml", "-o", "gs://b/t.html"),
        ("export", "grid.yaml", "-o", "gs://b/t"),
        ("archive", "small", "-o", "gs://b/small.tar.gz"),
        ("import", "gs://b/small.tar.gz"),
        ("merge", "small", "small", "--into", "gs://b/both"),
        ("merge", "small", "small", "--grid", "gs://b/grid.yaml"),
        ("init", "gs://b/grid.yaml"),
        ("status", "gs://b/grid.yaml"),
        ("run", "grid.yaml", "--storage", "file:///tmp/x"),
    ],
)
def test_so_is_every_other_path_on_the_command_line(cli, finished, tmp_path, arguments):
    before = set(tmp_path.rglob("*"))
    code, _, errors = cli(*arguments)
    assert code == 2
    assert " is a URL" in errors
    assert not {path.name for path in set(tmp_path.rglob("*")) - before} - {"home"}


@pytest.mark.parametrize("command", ["run", "trial", "retry", "doctor", "plan"])
def test_so_is_the_root_of_the_data(cli, grid, tmp_path, monkeypatch, command):
    monkeypatch.setenv("ADALOSS_DATA", "https://host/data")
    code, _, errors = cli(command, grid, "--only", "optimizer=adaloss,b0=1,seed=0")
    assert code == 2
    assert "ADALOSS_DATA: https://host/data is a URL" in errors
    grid.write_text(grid.read_text() + "data: {root: 's3://bucket/data'}\n")
    code, _, errors = cli(command, grid)
    assert code == 2
    assert "grid.yaml:11: data.root must be a folder on this machine: s3://bucket/data" in errors
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "text",
    ["s3://b/x", "S3://b/x", "gs://b", "az://b", "hdfs://h/x", "http://h/x", "abfs://x", "s3:/b/x"],
)
def test_what_a_url_is(text):
    assert "is a URL" in url_problem(text)


def test_a_file_url_is_told_how_to_be_a_path():
    assert url_problem("file:///tmp/x") == (
        "file:///tmp/x is a URL: write only the path, without file://"
    )


@pytest.mark.parametrize("text", ["results", "./s3:/x", "a:b/c", "/s3://x", "lr=1:0/x", "", "C:x"])
def test_odd_paths_are_paths(text):
    assert url_problem(text) is None
