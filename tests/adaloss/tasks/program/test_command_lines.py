import subprocess
import sys
from typing import Any

import pytest

from adaloss.tasks.program.environment import CHILD

# The `Trial` of conftest.py, which tests cannot import.
Trial = Any

# A parser without options that gets none.
NOTHING = [{"given": []}, {"argparse": []}]
PARSERS = """
import argparse, subprocess, sys
assert not {"wandb", "json", "typing", "importlib.util"} & set(sys.modules) - PRESENT
parser = argparse.ArgumentParser()
parser.add_argument("-b", "--batch-size", type=int)
parser.add_argument("data", nargs="?")
inner = parser.add_subparsers().add_parser("train")
inner.add_argument("--learning-rate", "--lr", dest="rate")
parser.parse_known_args()
parser.parse_args([])
code = '''
import click
@click.command()
@click.option("--lr")
def main(lr): ...
main()
'''
subprocess.run([sys.executable, "-c", code], check=True)
"""


def test_the_options_of_command_lines(trial: Trial) -> None:
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    run = trial.run(PARSERS.replace("PRESENT", bare.stdout.strip()), "-b=1", "data", "train")
    assert run.returncode == 0, run.stderr
    assert trial.reads() == [
        {"given": []},
        {"argparse": ["learning-rate", "lr", "rate"]},
        {"given": ["b"]},
        {"argparse": ["b", "batch-size", "batch_size", "data"]},
        {"parser": "click"},
    ]


@pytest.mark.slow
def test_other_libraries_for_command_lines(trial: Trial) -> None:
    run = trial.run("""
import click, wandb
import typer
def main(lr: float = 0.1): ...
try:
    typer.run(main)
except SystemExit:
    print(open("reads.jsonl").read())
import docopt, argparse
argparse.ArgumentParser().parse_args([])
""")
    assert run.stdout == '{"parser": "typer"}\n\n'
    assert "No module named 'docopt'" in run.stderr
    (trial.folder / "docopt.py").write_text("def other(): ...")
    run = trial.run("import docopt, argparse\nargparse.ArgumentParser().parse_args([])")
    assert run.returncode == 0, run.stderr
    # A version of the library that is not known: its import counts.
    assert trial.reads() == [{"parser": "typer"}, {"parser": "docopt"}, *NOTHING]


def test_modules_of_the_user_with_the_same_names(trial: Trial) -> None:
    other = trial.folder / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import sys; sys.mine = __file__")
    (trial.folder / "command_lines.py").write_text("where = 'mine'")
    trial.base["PYTHONPATH"] = str(other)
    script = f"""
import argparse, subprocess, sys
argparse.ArgumentParser().parse_args([])
import command_lines, sitecustomize
assert {str(CHILD)!r} not in sys.path
print(sys.mine == sitecustomize.__file__, command_lines.where, flush=True)
code = "import argparse, sys; print(sys.mine); argparse.ArgumentParser().parse_known_args(['--x'])"
subprocess.run([sys.executable, "-c", code], check=True)
"""
    run = trial.run(script)
    assert run.stdout == f"True mine\n{other}/sitecustomize.py\n", run.stderr
    assert trial.reads() == [*NOTHING, {"given": ["x"]}]
    # Without one of their own on the path, the script's folder may have one.
    (trial.folder / "sitecustomize.py").write_text("where = 'beside'")
    trial.base["PYTHONPATH"] = ""
    run = trial.run("import json\nimport sitecustomize\nprint(sitecustomize.where)")
    assert run.stdout == "beside\n", run.stderr
    # An error there is Python's to report.
    (other / "sitecustomize.py").write_text("raise ValueError('theirs')")
    trial.base["PYTHONPATH"] = str(other)
    run = trial.run("import argparse\nprint('goes on')")
    assert run.stdout == "goes on\n"
    assert run.stderr.splitlines() == [
        "Error in sitecustomize; set PYTHONVERBOSE for traceback:",
        "ValueError: theirs",
    ]


def test_an_unknown_wandb_stops_no_script(trial: Trial) -> None:
    (trial.folder / "wandb.py").write_text("def init(**k): print(k)\nlogin = 1\n")
    run = trial.run("import wandb\nwandb.init(a=1)")
    assert run.returncode == 0
    assert run.stdout == "{'a': 1}\n"
    assert len(run.stderr.splitlines()) == 4
    assert all(line.startswith("adaloss-sweep: ") for line in run.stderr.splitlines())


def test_nothing_is_changed_in_another_environment(trial: Trial) -> None:
    script = "import argparse, sys; argparse.ArgumentParser().parse_args(); print(sys.meta_path)"
    environment = {"PYTHONPATH": str(CHILD)}
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=trial.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sitecustomize" not in run.stdout
    assert list(trial.folder.iterdir()) == []
