"""``adaloss-sweep slurm``: the script that it writes, prints or submits, and its messages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from adaloss.records.remote import address

sys.path.insert(0, str(Path(__file__).parent))
from stand_ins import Slurm


@pytest.fixture
def slurm(cli, grid, tmp_path, monkeypatch):
    """The command with stand-ins for Slurm's on the path."""
    stand_ins = Slurm(folder=tmp_path, programs=tmp_path)
    for name, value in stand_ins.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        return cli("slurm", "grid.yaml", *arguments)

    return run


def directives(text):
    return [line.removeprefix("#SBATCH ") for line in text.splitlines() if "#SBATCH" in line]


def test_the_script_asks_for_what_the_options_say(slurm, tmp_path):
    code, text, errors = slurm(
        "--nodes", 4, "--time", "8:00:00", "--partition", "gpu", "--account", "ours",
        "--gpus-per-node", 2, "--cpus-per-node", 16, "--mem", "64G", "--job-name", "paper",
        "--grace", 10, "--sbatch-option", "--constraint=a100", "--setup", "module load cuda",
        "--setup", "export A='b c'",
    )  # fmt: skip
    assert (code, errors) == (0, "")
    assert directives(text) == [
        "--job-name=paper",
        "--nodes=4",
        "--ntasks-per-node=1",
        "--cpus-per-task=16",
        "--gpus-per-node=2",
        "--mem=64G",
        "--time=8:00:00",
        "--partition=gpu",
        "--account=ours",
        "--constraint=a100",
        f"--chdir={tmp_path}",
        "--output=slurm-%x-%j.log",
        "--open-mode=append",
        "--requeue",
        "--signal=B:TERM@600",
    ]
    lines = text.splitlines()
    assert lines.index("module load cuda") < lines.index("export A='b c'")
    assert lines.index("export A='b c'") < lines.index(f"programs={Path(sys.executable).parent}")
    assert f"results={tmp_path}/results/small" in lines
    assert "arguments=(run grid.yaml --yes)" in lines
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_the_storage_and_names_with_spaces_are_kept(slurm, tmp_path, monkeypatch):
    here = tmp_path / "my folder"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "grid.yaml").write_text((tmp_path / "grid.yaml").read_text())
    _, text, _ = slurm("--time", 60, "--storage", "all of it")
    assert "arguments=(run grid.yaml --yes --storage 'all of it')" in text
    assert f"results='{here}/all of it/small'" in text
    assert f"--chdir='{here}'" in directives(text)


def test_a_folder_whose_name_is_not_unicode_is_written_as_it_is(slurm, tmp_path, monkeypatch):
    here = tmp_path / os.fsdecode(b"b\xff")
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "grid.yaml").write_text((tmp_path / "grid.yaml").read_text())
    code, _, errors = slurm("--time", 60, "-o", "job.sh", "--submit")
    assert code == 0, errors
    for script in (here / "job.sh", tmp_path / "calls"):
        assert b"folder='%s'" % os.fsencode(here) in script.read_bytes()


def test_the_data_must_be_seen_by_all_nodes_if_trials_read_any(cli, grid, tmp_path):
    text = cli("slurm", "grid.yaml", "--time", 60)[1]
    assert "data=()" in text.splitlines()
    text = cli("slurm", "paper", "--time", 60)[1]
    (data,) = [line for line in text.splitlines() if line.startswith("data=")]
    assert Path(data.removeprefix("data=(").removesuffix(")")).is_absolute()
    assert f"needed=({tmp_path} {Path(sys.executable).parent}/adaloss-sweep)" in text


def test_output_writes_the_script(slurm, tmp_path):
    code, text, errors = slurm("--time", 60, "-o", "jobs/small.sh")
    assert (code, text) == (0, "")
    assert "wrote jobs/small.sh" in errors
    assert directives((tmp_path / "jobs" / "small.sh").read_text())[0] == "--job-name=small"


def test_submit_says_the_jobs_id(slurm, tmp_path):
    code, text, _ = slurm("--time", 60, "--submit")
    assert (code, text) == (0, "submitted job 4711; its log is slurm-small-4711.log\n")
    assert (tmp_path / "calls").read_text().startswith("#!/bin/bash\n#SBATCH --job-name=small\n")


def test_json_has_the_job_and_the_script(slurm, tmp_path):
    _, text, _ = slurm("--time", 60, "--submit", "--json")
    printed = json.loads(text)
    assert printed == {
        "job": "4711",
        "log": "slurm-small-4711.log",
        "results": "results/small",
        "file": None,
        "script": (tmp_path / "calls").read_text(),
    }
    printed = json.loads(slurm("--time", 60, "-o", "small.sh", "--json")[1])
    assert (printed["job"], printed["log"], printed["file"]) == (None, None, "small.sh")


def test_nothing_is_submitted_if_the_script_cannot_be_written(slurm, tmp_path):
    code, text, _ = slurm("--time", 60, "--submit", "-o", "grid.yaml/small.sh")
    assert (code, text) == (2, "")
    assert not (tmp_path / "calls").exists()


def test_results_at_a_url_are_named_by_it(cli, finished, grid, tmp_path, monkeypatch):
    monkeypatch.setattr(address, "user_cache_path", lambda _: tmp_path / "cache")
    finished.write_text(finished.grid_path, grid.read_text())
    for path in filter(Path.is_file, finished.root.rglob("*")):
        name = path.relative_to(finished.root)
        MemoryFileSystem().pipe_file(f"/jobs/small/{name}", path.read_bytes())
    code, text, errors = cli("slurm", "memory://jobs/small", "--time", 60)
    assert code == 0, errors
    assert "arguments=(run memory://jobs/small --yes)" in text


def test_a_refusal_of_sbatch_is_passed_on(slurm, monkeypatch):
    monkeypatch.setenv("REFUSED", "invalid partition specified: gpu")
    code, _, errors = slurm("--time", 60, "--submit")
    assert code == 2
    assert "sbatch refuses the job: sbatch: error: invalid partition specified: gpu" in errors


def test_a_refusal_in_another_encoding_is_passed_on(slurm, monkeypatch):
    monkeypatch.setenv("REFUSED", os.fsdecode("ungültig".encode("latin-1")))
    code, _, errors = slurm("--time", 60, "--submit")
    assert code == 2
    assert "sbatch refuses the job: sbatch: error: ung" in errors


def test_a_machine_without_sbatch_says_where_to_go(cli, grid, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, errors = cli("slurm", "grid.yaml", "--time", 60, "--submit")
    assert code == 2
    assert "run this on a login node of the cluster, or omit --submit" in errors


@pytest.mark.parametrize(
    ("resources", "options", "message"),
    [
        (
            "cpu: 4",
            ("--cpus-per-node", 2),
            "a trial needs 4 (resources.cpu): write --cpus-per-node 4",
        ),
        ("gpu: 2", (), "a trial needs 2 GPUs (resources.gpu), and the job asks for none"),
        (
            "gpu: 2",
            ("--gpus-per-node", 1),
            "a trial needs 2 (resources.gpu): write --gpus-per-node 2",
        ),
    ],
)
def test_a_job_without_room_for_a_trial_is_refused(slurm, grid, resources, options, message):
    grid.write_text(f"{grid.read_text()}resources: {{{resources}}}\n")
    code, text, errors = slurm("--time", 60, *options)
    assert (code, text) == (2, "")
    assert message in errors


def test_a_broken_grid_gives_no_script(slurm, grid):
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: two"))
    code, text, errors = slurm("--time", 60)
    assert (code, text) == (2, "")
    assert "grid.yaml:8:" in errors


def test_a_sweep_that_is_done_is_noted(slurm, finished):
    code, _, errors = slurm("--time", 60)
    assert code == 0
    assert "every trial of small has a result" in errors
