"""``list`` has a row for each sweep and names the folders that cannot be read."""

import json
import shutil

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from adaloss.records.remote import address
from adaloss.records.remote.address import working_copy
from adaloss.records.store import Store
from runners.tidy import overview


@pytest.fixture
def rows(cli):
    """The rows by name, and the reasons by folder."""

    def read(*arguments):
        code, printed, _ = cli("list", "--json", *arguments)
        assert code == 0
        found = json.loads(printed)
        by_name = {row["sweep"]: row for row in found["sweeps"]}
        return by_name, {row["folder"]: row["reason"] for row in found["unreadable"]}

    return read


def test_each_sweep_has_a_row(cli, small, rows):
    half = small.root.with_name("half")
    shutil.copytree(small.root, half)
    for folder in sorted(half.glob("trials/*"))[:3]:
        (folder / "result.json").unlink()
    found, unreadable = rows()
    assert unreadable == {}
    assert found["small"]["state"] == "complete"
    assert {k: found["small"][k] for k in ("trials", "complete", "diverged", "missing")} == {
        "trials": 8, "complete": 6, "diverged": 2, "missing": 0,
    }  # fmt: skip
    assert found["small"]["last_run"] == "2026-03-01T12:00:00+00:00"
    assert found["small"]["bytes"] > found["half"]["bytes"] > 0
    assert (found["half"]["state"], found["half"]["missing"]) == ("incomplete", 3)
    code, printed, _ = cli("list")
    lines = [line.split() for line in printed.splitlines()]
    assert code == 0
    assert lines[1][:5] == ["half", "incomplete", "5", "of", "8"]
    assert lines[2][:5] == ["small", "complete", "8", "of", "8"]
    assert printed.splitlines()[-1].startswith("2 sweeps in results, ")


def test_what_has_been_counted_is_not_counted_again_until_a_record_changes(
    small, rows, monkeypatch
):
    assert rows()[0]["small"]["complete"] == 6
    counted, calls = overview.counted, []
    monkeypatch.setattr(overview, "counted", lambda *a: calls.append(a) or counted(*a))
    assert rows()[0]["small"]["complete"] == 6
    assert calls == []
    next(small.root.glob("trials/mlp-adaloss*/result.json")).unlink()
    assert rows()[0]["small"]["complete"] == 5
    small.grid_path.write_text(small.grid_path.read_text().replace("seeds: 2", "seeds: 3"))
    assert rows()[0]["small"]["trials"] == 12


def test_a_sweep_that_runs_is_running(small, rows, held):
    held(small.root / "run.lock")
    found, _ = rows()
    assert (found["small"]["state"], found["small"]["running"]) == (
        "running", "process 7 on elsewhere",
    )  # fmt: skip


def test_a_result_that_cannot_be_read_is_counted_as_such(cli, small, rows):
    next(small.root.glob("trials/mlp-adaloss*/result.json")).write_text("{")
    found, _ = rows()
    assert (found["small"]["complete"], found["small"]["unreadable"]) == (5, 1)
    assert "incomplete, 1 unreadable" in cli("list")[1]


def test_folders_that_cannot_be_read_are_named_with_the_reason(cli, small, tmp_path, rows):
    results = tmp_path / "results"
    (results / "broken").mkdir()
    (results / "broken" / "grid.yaml").write_text("name: broken\nparameters: 3\n")
    (results / "lost" / "trials").mkdir(parents=True)
    (results / "notes").mkdir()
    (results / ".hidden").mkdir()
    (results / f"{overview.LEFT_BEHIND}removed-x").mkdir()
    (results / "file.txt").write_text("")
    found, unreadable = rows()
    assert set(found) == {"small"}
    assert set(unreadable) == {"broken", "lost", "notes", ".tidy-removed-x"}
    assert "grid.yaml:2: parameters" in unreadable["broken"]
    assert "no grid.yaml" in unreadable["lost"]
    assert "neither a grid nor results" in unreadable["notes"]
    assert "killed" in unreadable[".tidy-removed-x"]
    assert "results/lost (0 kB): there is trials/ and no grid.yaml" in cli("list")[1]


def test_a_sweep_that_was_stopped_before_its_first_trial_and_smoke_runs_have_rows(
    small, tmp_path, rows
):
    new, smoke = (tmp_path / "results" / name for name in ("new", "smoke/small"))
    for folder in (new, smoke):
        folder.mkdir(parents=True)
        shutil.copy(small.grid_path, folder)
    found, unreadable = rows()
    assert unreadable == {}
    assert [found[name]["missing"] for name in ("new", "smoke/small")] == [8, 8]
    assert found["new"]["last_run"] is None


def test_another_folder_than_a_storage_is_refused(cli, small):
    code, _, errors = cli("list", "--storage", "nowhere")
    assert (code, "nowhere: there is no such folder" in errors) == (2, True)
    code, _, errors = cli("list", "--storage", small.root)
    assert (code, "is the folder of one sweep" in errors) == (2, True)


def test_a_name_cannot_send_commands_to_the_terminal(cli, small):
    small.root.rename(small.root.with_name("[red]\x1b[31m"))
    printed = cli("list")[1]
    assert "\x1b" not in printed
    assert "[red]" in printed


def test_a_storage_at_a_url_is_listed_without_working_copies(
    small, tmp_path, rows, cli, monkeypatch
):
    monkeypatch.setattr(address, "user_cache_path", lambda _: tmp_path / "cache")
    system = MemoryFileSystem()
    for name in system.find(""):
        system.rm_file(name)
    system.put(f"{small.root}/", "/bucket/small/", recursive=True)
    system.pipe_file("/bucket/small/.lease.json", b'{"token": "1", "owner": "process 9 on far"}')
    system.pipe_file("/bucket/broken/trials/x/result.json", b"{}")
    found, unreadable = rows("--storage", "memory://bucket")
    assert (found["small"]["complete"], found["small"]["diverged"]) == (6, 2)
    assert found["small"]["running"] == "process 9 on far"
    assert found["small"]["bytes"] == sum(
        path.stat().st_size for path in small.root.rglob("*") if path.is_file()
    ) + len(system.cat_file("/bucket/small/.lease.json"))
    assert "no grid.yaml" in unreadable["broken"]
    assert not Store(working_copy("memory://bucket") / "small").root.exists()
    assert "1 sweep in memory://bucket" in cli("list", "--storage", "memory://bucket")[1]
