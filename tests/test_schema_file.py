"""The schema that the shipped grids name is the current one."""

import json
from pathlib import Path

from adaloss.grid.sweep import grid_json_schema

SCHEMA = Path(__file__).parent.parent / "sweeps" / "grid.schema.json"


def test_the_schema_file_is_what_the_command_prints():
    # After a change: adaloss-sweep schema > sweeps/grid.schema.json
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(grid_json_schema()))
