import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from adaloss.tasks.program.wandb_file import FolderReader, offline_files
from adaloss.tasks.program.wandb_records import Row


def start(script: str, folder: Path) -> "subprocess.Popen[str]":
    path = folder / "script.py"
    path.write_text(script)
    variables = {
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(folder),
        "WANDB_SILENT": "true",
        "WANDB_CONSOLE": "off",
        "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL": "1",
        "WANDB_ERROR_REPORTING": "false",
    }
    return subprocess.Popen(
        [sys.executable, str(path)],
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        text=True,
    )


EVERYTHING = """
import decimal, math, wandb
import numpy as np
import torch
run = wandb.init()
wandb.define_metric("val/acc", summary="max")
wandb.log({
    "int": 3, "float": 0.1, "bool": True, "nan": math.nan, "inf": math.inf, "minus": -math.inf,
    "big": 2**70, "np": np.float32(0.5), "npint": np.int64(4), "npbool": np.bool_(False),
    "npnan": np.float64("nan"), "tensor": torch.tensor(0.25), "one": torch.tensor([0.75]),
    "nested": {"a": 1, "b": {"c": 2}}, "with.dot": 5, "train/loss": 6, "val/acc": 3,
    "text": "1.5", "decimal": decimal.Decimal("1.5"), "none": None, "list": [1, 2],
    "array": np.arange(3), "histogram": wandb.Histogram([1, 2, 3]), "_mine": 1,
    "image": wandb.Image(np.zeros((4, 4, 3), dtype=np.uint8)),
    "table": wandb.Table(columns=["a"], data=[[1]]),
})
wandb.log({"text": "only"})
wandb.log({"a": 1}, step=10)
wandb.log({"b": 2}, step=10)
wandb.log({"c": 1}, commit=False)
wandb.log({"val/acc": 1})
run.summary["best"] = np.float32(0.5)
run.summary["best/nested"] = {"x": 1}
run.summary["best/nested"]["y"] = torch.tensor(2)
run.summary.update({"a": 7, "text": "yes", "gone": 1, "array": np.arange(99.0)})
del run.summary["gone"]
wandb.finish(exit_code=3)
with wandb.init() as run:
    run.log({"second": 1})
    run.summary["later"] = True
"""


@pytest.mark.slow
def test_what_wandb_writes(tmp_path: Path) -> None:
    with start(EVERYTHING, tmp_path) as process:
        assert process.communicate(timeout=PATIENCE)[0] == ""
    assert process.returncode == 0
    reader = FolderReader(tmp_path)
    first, *others = reader.new_rows()
    assert first.step == 0
    assert list(first.values) == sorted(first.values)
    not_finite = [first.values.pop(name) for name in ("nan", "npnan", "none")]
    assert all(map(math.isnan, not_finite))
    assert first.values == {
        "int": 3,
        "float": 0.1,
        "bool": 1,
        "inf": math.inf,
        "minus": -math.inf,
        "big": 2.0**70,
        "np": 0.5,
        "npint": 4,
        "npbool": 0,
        "tensor": 0.25,
        "one": 0.75,
        "nested.a": 1,
        "nested.b.c": 2,
        "with.dot": 5,
        "train/loss": 6,
        "val/acc": 3,
    }
    assert others == [
        Row(10, {"a": 1, "b": 2, "c": 1, "val/acc": 1}),
        Row(0, {"second": 1}),
    ]
    assert reader.summary == {"best": 0.5, "best/nested.x": 1, "best/nested.y": 2, "later": 1}
    assert [file.exit_code for file in reader.readers.values()] == [3, 0]
    assert list(reader.readers) == offline_files(tmp_path)


ENDLESS = """
import time, wandb
wandb.init()
for step in range(1000):
    wandb.log({"time": time.time()})
    print(step, flush=True)
    time.sleep(0.3)
"""


@pytest.mark.slow
def test_the_rows_of_a_script_that_is_killed(tmp_path: Path) -> None:
    process = start(ENDLESS, tmp_path)
    reader = FolderReader(tmp_path)
    live: list[Row] = []
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            live += reader.new_rows()
            if int(line) == 20:
                break
        # Rows can be read while the script runs.
        assert live
        killed = time.time()
        process.kill()
        process.wait()
    rows = live + reader.new_rows()
    assert [row.step for row in rows] == list(range(len(rows)))
    # It writes every second; by default, wandb does so every 15 seconds. A busy machine is late.
    assert rows[-1].values["time"] > killed - 5
    (file,) = reader.readers.values()
    assert file.exit_code is None
