"""The digests of a program are of the file that runs, whatever its name is."""

import subprocess
import sys

import pytest

from adaloss.errors import DataError
from adaloss.own_code.fingerprints import changed
from adaloss.own_code.modules import HERE
from adaloss.own_code.source_digests import digests_of_files
from adaloss.records.places import Places
from adaloss.records.result import Fingerprint
from adaloss.tasks.fingerprints import fingerprint_with
from adaloss.tasks.program.digests import is_recorded, program_digest, program_files
from adaloss.tasks.program.fields import ProgramTrial


@pytest.fixture
def write(tmp_path):
    """Write files of the user's, and give the places that find them."""

    def write_files(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Places(data_root=tmp_path, own=(tmp_path,))

    return write_files


def trial(program, **fields):
    return ProgramTrial(
        task="program", program=program, metric="loss", seed=0, seed_parameter=None, **fields
    )


SCRIPTS = {
    "a dot in its name": "train.v2.py",
    "the name of a package of this tool": "analysis.py",
    "the name of another one": "runners.py",
    "the name of a package beside it": "train.py",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_digested_whatever_its_name_is(write, tmp_path, script):
    places = write({**dict.fromkeys(SCRIPTS.values(), "x = 1"), "train/__init__.py": "x = 1"})
    before = program_digest(script, places)
    assert before == digests_of_files([script], places.own_folders)
    assert program_files(script, places) == [tmp_path / script]
    write({script: "x = 2"})
    assert program_digest(script, places)[script] != before[script]


def test_the_file_of_a_function_is_digested_likewise(write):
    places = write({"train.v2.py": "import beside", "beside.py": "", "train.py": ""})
    assert list(program_digest("train.v2.py:train", places)) == ["beside.py", "train.v2.py"]


def test_digests_of_scripts_are_those_that_are_on_record(write):
    places = write(
        {
            "scripts/train.py": "import beside, package.layers, torch\nrate = 0.1",
            "scripts/beside.py": "import train\nlr = train.rate",
            "package/__init__.py": "",
            "package/layers.py": "from . import deep",
            "package/deep.py": "WIDTH = 3",
            "unused.py": "",
        }
    )
    assert program_digest("scripts/train.py", places) == {
        "beside.py": "c0be2d5a8d54e49c",
        "package/__init__.py": "b5999633d806a442",
        "package/deep.py": "26b202ee2542998c",
        "package/layers.py": "74abdc8058663ad2",
        "train.py": "d6baf98104799d23",
    }


def test_a_script_imports_the_users_files_before_those_of_this_tool(write, tmp_path):
    places = write(
        {
            "train.py": "import analysis, runners.own\nprint(analysis.__file__)",
            "analysis.py": "",
            "runners/__init__.py": "",
            "runners/own.py": "",
        }
    )
    ran = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == str(tmp_path / "analysis.py")
    own = ["analysis.py", "runners/__init__.py", "runners/own.py"]
    assert list(program_digest("train.py", places)) == [*own, "train.py"]
    # The process of a function has imported the tool's.
    assert list(program_digest("train.py:train", places)) == ["train.py"]


def test_the_packages_of_this_tool_are_not_the_users(write, tmp_path):
    places = write({"train.py": "from adaloss.errors import UserError"})
    (tmp_path / "adaloss").symlink_to(HERE / "adaloss")
    assert list(program_digest("train.py", places)) == ["train.py"]


def test_a_module_that_a_command_starts_by_its_name_is_digested(write, tmp_path):
    places = write(
        {
            "mine/train.py": "from mine import layers",
            "mine/layers.py": "",
            "tool/__main__.py": "import json",
        }
    )
    assert list(program_digest("mine.train", places)) == ["mine/layers.py", "mine/train.py"]
    assert set(program_files("mine.train", places)) == {
        tmp_path / "mine" / "train.py",
        tmp_path / "mine" / "layers.py",
    }
    assert list(program_digest("tool", places)) == ["tool/__main__.py"]


def test_a_command_of_the_machine_has_no_files_of_the_users(write):
    places = write({"sh.py": "", "sh/__main__.py": ""})
    assert (program_digest("sh", places), program_files("sh", places)) == ({}, [])


def test_a_program_is_needed_only_by_a_command_that_names_it(write):
    places = write({})
    other = trial("elsewhere.train", command=["python", "-m", "elsewhere.train", "${args}"])
    assert fingerprint_with(other, places, None).program == {}
    for command in (None, ["python", "${program}"], ["bash", "-c", "python ${program} ${args}"]):
        with pytest.raises(DataError, match=r"there is no program elsewhere\.train"):
            fingerprint_with(trial("elsewhere.train", command=command), places, None)


def test_a_record_of_another_file_is_none_of_the_script():
    now = {"train.v2.py": "1", "analysis/plots.py": "2", "beside.py": "3"}
    whole = {"train.v2.py": "0", "analysis/plots.py": "2"}
    assert is_recorded("runs/train.v2.py", whole, now), "only its version is another one"
    for other in ({}, {"train.py": "1"}, {"train.v2.py": "1"}):
        assert not is_recorded("runs/train.v2.py", other, now)
    assert is_recorded("runs/train.v2.py", {"train.v2.py": "0"}, now), "it was edited since"
    assert is_recorded("command", {}, {})
    assert is_recorded("train.v2.py:train", {"runs/train.v2.py": "1"}, now)


def test_a_checkpoint_that_knows_no_code_is_not_of_a_script(write):
    places = write({"train.v2.py": ""})
    nothing, script = Fingerprint(program={}), Fingerprint(program={"train.v2.py": "1"})
    assert changed(nothing, script, places)
    assert not changed(nothing, nothing, places), "as of a command of the machine"
