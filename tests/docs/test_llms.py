"""llms.txt, which agents read first, says what is so."""

import re

import typer
from documents import ROOT

from adaloss.grid.sweep import load_sweep
from runners.cli.app import app

TEXT = (ROOT / "llms.txt").read_text(encoding="utf-8")


def test_every_command_is_named():
    listed = re.search(r"^Commands: ([^.]+)\.", TEXT, re.MULTILINE)[1]
    assert set(re.split(r",\s+", listed)) == set(typer.main.get_command(app).commands)


def test_its_grid_loads(tmp_path):
    (tmp_path / "grid.yaml").write_text(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
    assert len(load_sweep(tmp_path / "grid.yaml").trials) == 2 * 3 * 3 * 5


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []
