"""``rm`` lists what it deletes, asks, and deletes one sweep."""

import io
import json
import shutil

import pytest

from runners.tidy import removal
from runners.tracking.ledger import Mirrored, ledger_of
from runners.tracking.sweep_run import digest_of, files_of


@pytest.fixture
def answer(monkeypatch):
    """Have somebody at a terminal answer."""

    def give(text):
        monkeypatch.setattr("runners.pages.terminal.is_attended", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def test_what_is_deleted_is_listed_first(cli, small, tmp_path):
    other = small.root.with_name("other")
    shutil.copytree(small.root, other)
    (small.root / "wandb" / "offline" / "a").mkdir(parents=True)
    code, said, errors = cli("rm", "small")
    assert (code, "nothing was deleted: add --yes" in errors) == (2, True)
    assert "results/small: 8 of 8 trials have a result, " in said
    assert "  trials: 24 files, " in said
    assert "  1 W&B runs were written here and never uploaded" in said
    assert small.grid_path.exists()
    code, said, errors = cli("rm", "small", "--yes")
    assert (code, errors) == (0, "")
    assert said.splitlines()[-1].startswith("deleted results/small: ")
    assert [path.name for path in small.root.parent.iterdir()] == ["other"]


ONLINE = {"state": "finished", "where": "https://host/team/p", "epochs": 2, "digest": "d"}
OFFLINE = {"state": "finished", "where": "p", "epochs": 2, "digest": "d"}
RUNS = {
    "uploaded": ({"result_written_at": "b"}, {"result_written_at": "b"}, 0),
    "uploaded, and renamed since": (
        {"result_written_at": "b", "state": "begun"},
        {"result_written_at": "b", "state": "begun"},
        0,
    ),
    "uploaded before it was retried": ({"result_written_at": "a"}, {"result_written_at": "b"}, 1),
    "an upload that stopped half way": (
        {"state": "begun", "epochs": 1, "digest": "c"},
        {"result_written_at": "b"},
        1,
    ),
    "never uploaded": (None, {"result_written_at": "b"}, 1),
    "nothing is known of it": (None, None, 1),
    "of the sweep, with the same tables": ({}, {}, 0),
    "of the sweep, with other tables": ({}, {"digest": "e"}, 1),
}


@pytest.mark.parametrize(("online", "offline", "only_here"), RUNS.values(), ids=RUNS)
def test_runs_that_only_exist_here_are_counted(cli, small, online, offline, only_here):
    (small.root / "wandb" / "offline" / "a").mkdir(parents=True)
    for target, usual, known in (("online", ONLINE, online), ("offline", OFFLINE, offline)):
        if known is not None:
            ledger_of(small, target).write("a", Mirrored(**(usual | known)))
    about = json.loads(cli("rm", "small", "--json")[1])
    assert about["wandb_runs_only_here"] == only_here
    said = cli("rm", "small")[1]
    assert ("1 W&B runs were written here and never uploaded, or not as" in said) is bool(only_here)


def test_the_sweeps_own_run_is_uploaded_if_its_tables_of_now_are(cli, small):
    (small.root / "wandb" / "offline" / "a").mkdir(parents=True)
    ledger_of(small, "offline").write("a", Mirrored(**OFFLINE | {"digest": "of earlier tables"}))
    now = digest_of(files_of(small))
    for digest, only_here in ((now, 0), ("of others", 1)):
        ledger_of(small, "online").write("a", Mirrored(**ONLINE | {"digest": digest}))
        about = json.loads(cli("rm", "small", "--json")[1])
        assert about["wandb_runs_only_here"] == only_here


@pytest.mark.parametrize(("text", "is_there"), [("y", False), ("n", True), ("", True)])
def test_the_answer_counts(cli, small, answer, text, is_there):
    answer(text)
    code, said, errors = cli("rm", small.root)
    assert (code, small.root.exists()) == (2 if is_there else 0, is_there)
    # Not in the output, which may go to a file.
    question = f"Delete {small.root}? [y/N] "
    assert (question in errors, question in said) == (True, False)


def test_json_alone_deletes_nothing(cli, small):
    about = json.loads(cli("rm", "small", "--json")[1])
    assert (about["finished"], about["trials"], about["deleted"]) == (8, 8, False)
    assert small.grid_path.exists()
    assert json.loads(cli("rm", "small", "--json", "--yes")[1])["deleted"] is True
    assert not small.root.exists()


def test_a_running_sweep_is_refused(cli, small, held, files_of):
    before = files_of(small.root)
    held(small.root / "run.lock")
    code, _, errors = cli("rm", "small", "--yes")
    assert (code, "process 7 on elsewhere" in errors) == (2, True)
    assert files_of(small.root) == before


def test_what_is_no_sweep_is_not_deleted(cli, small, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("photos", "results", ".", "..", "nothing", "/", ""):
        code, _, errors = cli("rm", "--yes", name)
        assert (code, len(errors.splitlines())) == (2, 1), name
    assert small.grid_path.exists()
    assert (tmp_path / "photos").exists()


def test_a_path_that_is_not_there_is_no_name_of_the_storages(cli, small, tmp_path):
    (tmp_path / "old").mkdir()
    shutil.copytree(small.root, tmp_path / "old" / "small")
    for name in ("./small", "../old/small", "./small/", str(tmp_path / "small")):
        code, _, errors = cli("rm", name, "--yes")
        assert (code, "there is no such folder and no such grid file" in errors) == (2, True), name
    assert small.grid_path.exists()
    assert (tmp_path / "old" / "small" / "grid.yaml").exists()


def test_a_link_is_not_followed(cli, small, tmp_path):
    link = small.root.with_name("link")
    link.symlink_to(small.root)
    code, _, errors = cli("rm", "link", "--yes")
    assert (code, "is a symbolic link" in errors) == (2, True)
    (small.root / "outside").symlink_to(tmp_path / "home", target_is_directory=True)
    (tmp_path / "home").mkdir(exist_ok=True)
    assert cli("rm", "small", "--yes")[0] == 0
    assert (tmp_path / "home").exists()


def test_a_grid_that_cannot_be_read_is_no_obstacle(cli, small):
    small.grid_path.write_text("name: 3\n")
    said = cli("rm", "small", "--yes")[1]
    assert "it cannot be read (" in said
    assert not small.root.exists()


def test_an_rm_that_is_killed_leaves_no_half_of_a_sweep(cli, small, monkeypatch):
    def killed(folder):
        (folder / "grid.yaml").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(removal.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            removal.remove(small.root)
    assert not small.root.exists()
    (left,) = small.root.parent.iterdir()
    assert f"{left.name} (" in cli("list")[1]
    assert cli("rm", f"results/{left.name}", "--yes")[0] == 0
    assert list(small.root.parent.iterdir()) == []
