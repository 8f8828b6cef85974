"""What a Slurm job may ask for."""

import pytest

from adaloss.errors import UserError
from runners.slurm.job import SlurmJob, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 5400),
        ("0:30", 30),
        ("8:00:00", 8 * 3600),
        ("2-0", 48 * 3600),
        ("1-02:30", 26 * 3600 + 1800),
        ("1-02:30:05", 26 * 3600 + 1805),
    ],
)
def test_times_are_read_as_slurm_reads_them(text, expected):
    assert seconds("--time", text) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "8h"}, "--time 8h: write minutes, hours:minutes:seconds or days-hours"),
        ({"time": "4"}, "--grace 5: must be more than 0, less than --time 4 and at most 1092"),
        ({"grace": "0"}, "--grace 0: must be more than 0"),
        ({"grace": "soon"}, "--grace soon: write minutes"),
        ({"partition": "gpu long"}, "--partition 'gpu long': write one word"),
        ({"name": "a/b"}, "--job-name 'a/b': write one word without spaces, slashes"),
        ({"mem": "lots"}, "--mem lots: write the memory of a node, such as 64G"),
        ({"options": ("constraint=a100",)}, "write one option of sbatch with its value, such as"),
        ({"options": ("--signal=B:USR1@60",)}, "--sbatch-option --signal=B:USR1@60: write --grace"),
        ({"options": ("--nodes 4",)}, "write --nodes"),
        ({"options": ("-N4",)}, "write --nodes"),
        ({"options": ("--array=0-3",)}, "two jobs cannot run one sweep"),
        ({"options": ("--no-requeue",)}, "continues after its time limit by being requeued"),
        ({"setup": ("module load cuda\nrm x",)}, "--setup: write one line"),
    ],
)
def test_a_mistake_says_what_to_write(options, message):
    with pytest.raises(UserError) as refused:
        SlurmJob(**{"name": "small", "time": "1:00:00"} | options)
    assert message in str(refused.value)


@pytest.mark.parametrize("options", [("--gres=gpu:2",), ("--gpus-per-task=1",), ("-G2",)])
def test_gpus_may_be_asked_for_with_an_option_of_sbatch(options):
    assert SlurmJob(name="small", time="60", options=options).asks_for_gpus()
    assert not SlurmJob(name="small", time="60").asks_for_gpus()
