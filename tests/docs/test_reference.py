"""The generated pages are those that the code gives, and every key and outcome is explained."""

import json
import runpy

import pytest
from documents import ROOT

from adaloss.grid.sweep import grid_json_schema, load_sweep
from adaloss.records.result import FailureKind
from adaloss.tasks.table import DEFAULT_TASK
from runners.cli import options

DOCS = ROOT / "docs"
EXAMPLE = DOCS / "every-key.yaml"
PROGRAM_EXAMPLE = DOCS / "every-program-key.yaml"


@pytest.mark.parametrize("name", ["grid-reference.md", "commands.md", "json.md"])
def test_a_generated_page_is_current(name):
    pages = runpy.run_path(str(DOCS / "make_reference.py"))["pages"]()
    assert (DOCS / name).read_text(encoding="utf-8") == pages[name], "run `make reference`"


def test_the_example_is_a_grid_with_every_key():
    grid = load_sweep(EXAMPLE).grid.model_dump()
    program = load_sweep(PROGRAM_EXAMPLE).grid.model_dump()
    schema = grid_json_schema()
    text = EXAMPLE.read_text(encoding="utf-8")
    read = runpy.run_path(str(DOCS / "make_reference.py"))["examples"]
    parts, parts_of_program = read(text), read(PROGRAM_EXAMPLE.read_text(encoding="utf-8"))
    top = {
        name
        for name, about in schema["properties"].items()
        if "W&B sweep file" not in about.get("description", "")
    }
    assert top <= parts.keys() | parts_of_program.keys()
    assert [key for key in program["metrics"] if f"{key}:" not in parts_of_program["metrics"]] == []
    assert "metric: loss" in parts_of_program["divergence"]
    for name in top & parts.keys():
        value = grid[name][0] if isinstance(grid[name], tuple) else grid[name]
        names = (
            DEFAULT_TASK.cell_fields
            if name == "parameters"
            else value
            if isinstance(value, dict)
            else ()
        )
        section = name in ("metric", "overrides", "divergence", "resources", "execution")
        if name == "parameters" or section or name in ("wandb", "notify", "tables", "data"):
            shown = parts[name] + (parts_of_program["divergence"] if name == "divergence" else "")
            assert [key for key in names if f"{key}:" not in shown] == []


def test_troubleshooting_explains_every_kind_of_failure():
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    assert [kind for kind in FailureKind if f"| `{kind}` |" not in page] == []


def test_troubleshooting_explains_every_exit_code():
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    codes = (
        options.COMPLETE,
        options.USER_ERROR,
        options.INCOMPLETE,
        options.FAILED,
        options.INTERRUPTED,
    )
    assert [code for code in codes if f"| {code} |" not in page] == []


def descriptions(value):
    """Every description in a JSON Schema, but of what is as another."""
    if isinstance(value, dict):
        if isinstance(found := value.get("description"), str) and "$ref" not in value:
            yield found
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from descriptions(each)


def test_the_page_about_json_has_every_description_of_the_schema():
    schema = json.loads((ROOT / "sweeps" / "outputs.schema.json").read_text(encoding="utf-8"))
    page = (DOCS / "json.md").read_text(encoding="utf-8")
    assert [text for text in descriptions(schema) if text not in page] == []
