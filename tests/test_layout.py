"""The walls of the house: what may import what, and what answers at once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "ray", "wandb", "pandas", "timm", "matplotlib", "sklearn")


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "module", ["adaloss.sweep", "adaloss.store", "adaloss.result", "adaloss.trial", "runners.cli"]
)
def test_describing_a_sweep_needs_nothing_heavy(module):
    assert not imported_by(f"import {module}") & set(HEAVY)


def test_help_imports_nothing_heavy():
    statement = (
        "import runners.cli\n"
        "try: runners.cli.app(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0"
    )
    assert not imported_by(statement) & {*HEAVY, "pydantic", "ruamel"}


def test_a_trial_needs_neither_ray_nor_wandb_nor_pandas():
    assert not imported_by("import adaloss.execution") & {"ray", "wandb", "pandas", "runners"}


@pytest.mark.parametrize(
    ("library", "place"), [("ray", "runners/tune.py"), ("wandb", "runners/tracking/")]
)
def test_a_library_has_one_door(library, place):
    importing = [
        path.relative_to(ROOT).as_posix()
        for package in ("adaloss", "runners", "analysis")
        for path in (ROOT / package).rglob("*.py")
        if any(
            line.split()[:2] in (["import", library], ["from", library])
            or line.startswith((f"import {library}.", f"from {library}."))
            for line in map(str.strip, path.read_text().splitlines())
        )
    ]
    assert all(path.startswith(place) for path in importing)
