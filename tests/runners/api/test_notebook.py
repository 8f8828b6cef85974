"""In a notebook: progress below the cell, an interrupt that stops in order, the documented one."""

import asyncio
import json
import threading
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from patience import PATIENCE, until

from runners.on_ray.processes import processes_of

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
LONG = """
from runners import results, run

grid = {
    "name": "long",
    "parameters": {
        "dataset": "digits", "model": "mlp", "optimizer": "adaloss", "b0": [0.1, 1], "lr": 1,
        "epochs": 2000, "batch_size": 32,
    },
    "seeds": 1,
}
run(grid, wandb="disabled")
"""
SHORT = """
grid["parameters"]["epochs"] = 1
result = run(grid, wandb="disabled")
result.counts["complete"]
"""


def client(notebook, folder):
    return NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )


def test_an_interrupted_kernel_ends_the_sweep_in_order_and_the_next_run_works(tmp_path):
    notebook = new_notebook(cells=[new_code_cell(LONG), new_code_cell(SHORT)])
    executing = client(notebook, tmp_path)
    first, second = notebook.cells

    def interrupt():
        until(lambda: list(tmp_path.glob("results/long/trials/*/metrics.jsonl")))
        asyncio.run(executing.km.interrupt_kernel())

    with executing.setup_kernel():
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(CellExecutionError):
            executing.execute_cell(first, 0)
        thread.join()
        (error,) = [output for output in first.outputs if output.output_type == "error"]
        (line,) = error.traceback
        assert line == (
            "KeyboardInterrupt: stopped; 0 of 2 trials are done (0 complete, 0 diverged, 0 "
            "failed). Call run again to continue"
        )
        assert processes_of(tmp_path / "results" / "long").alive() == []
        executing.execute_cell(second, 1)
    assert second.outputs[-1].data["text/plain"] == "2"
    page = next(output for output in second.outputs if output.output_type == "display_data")
    assert "long: 2/2 trials" in page.data["text/plain"]


def test_the_documented_notebook_runs_and_shows_what_is_kept_in_it(tmp_path):
    kept = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    notebook = nbformat.from_dict(json.loads(json.dumps(kept)))
    for cell in notebook.cells:
        cell.outputs = []
        # Each trial of one's own optimizer has a process of its own, which takes seconds.
        cell.source = cell.source.replace('"seeds": 3', '"seeds": 2')
    client(notebook, tmp_path).execute()
    for cell, before in zip(notebook.cells, kept.cells, strict=True):
        if cell.cell_type == "code":
            assert kinds(cell) == kinds(before), cell.source
    (counts,) = notebook.cells[-1].outputs
    assert "'missing': 0" in counts.data["text/plain"]


def kinds(cell):
    """What a cell shows, without standard error, to which libraries may write.

    Lines that are printed come as one output or as several.
    """
    return {
        tuple(sorted(output.get("data", ["printed"])))
        for output in cell.outputs
        if output.get("name") != "stderr"
    }
