"""Files of the user's that have the names of modules: none is executed but ``module:function``."""

import os
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from adaloss_sweep import PACKAGES
from runners.preflight.machine.shadows import same_names

GRID = """
name: shadowed
parameters:
  dataset: digits
  model: mlp
  optimizer: adaloss
  b0: 1
  lr: 1
  epochs: 1
  batch_size: 256
seeds: 1
"""


@pytest.fixture
def executed(tmp_path):
    """The file in which a file that is executed leaves its name."""
    return tmp_path / "executed.txt"


def run(folder, *words, **environment):
    """``adaloss-sweep`` as its console script starts it."""
    script = "import sys; from adaloss_sweep import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", script, *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_no_file_of_the_working_folder_is_executed(tmp_path, executed):
    names = {*sys.stdlib_module_names, *packages_distributions(), *PACKAGES} - {"adaloss_sweep"}
    betray = f"open({str(executed)!r}, 'a').write(__name__ + '\\n')\nraise SystemExit\n"
    for name in filter(str.isidentifier, names):
        (tmp_path / f"{name}.py").write_text(betray)
    (tmp_path / "grid.yaml").write_text(GRID)
    done = run(tmp_path, "run", "grid.yaml")
    assert done.returncode == 0, done.stderr
    assert not executed.exists(), executed.read_text()
    assert (tmp_path / "results" / "shadowed" / "tables" / "tables.md").exists()


@pytest.mark.slow
def test_packages_of_these_names_on_the_path_stop_nothing_and_are_named(tmp_path, executed):
    work = tmp_path / "work"
    for name in PACKAGES:
        (tmp_path / "path" / name).mkdir(parents=True)
        betray = f"open({str(executed)!r}, 'a').write(__name__)\nraise SystemExit\n"
        (tmp_path / "path" / name / "__init__.py").write_text(betray)
    work.mkdir()
    (work / "grid.yaml").write_text(GRID)
    done = run(work, "run", "grid.yaml", PYTHONPATH=str(tmp_path / "path"))
    assert done.returncode == 0, done.stderr
    assert not executed.exists()
    for name in PACKAGES:
        assert f"{tmp_path / 'path' / name} has the name of a package" in done.stderr


def test_files_and_folders_of_these_names_are_found(tmp_path):
    assert list(same_names(tmp_path)) == []
    (tmp_path / "analysis.py").touch()
    (tmp_path / "runners").mkdir()
    assert {path.name for path in same_names(tmp_path)} == {"analysis.py", "runners"}
