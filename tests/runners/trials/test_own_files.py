"""The user's own code on other machines is what it is here, and goes there only if it must."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.records.places import Places
from adaloss.tasks.fingerprints import fingerprint_of, own_of
from adaloss.tasks.program.fields import ProgramTrial
from runners.trials import own_files
from runners.trials.own_files import OwnFilesError, own_code, own_data, placed, sent_code


@pytest.fixture
def folder(tmp_path):
    """The user's folder, with code, data and what no trial uses."""
    own = tmp_path / "own"
    (own / "package").mkdir(parents=True)
    (own / "package" / "__init__.py").write_text("")
    (own / "package" / "layers.py").write_text("WIDTH = 3\n")
    (own / "mine.py").write_text("from package import layers\ndef build(**_): return None\n")
    (own / "unused.py").write_text("a = 1\n")
    (own / "scripts").mkdir()
    (own / "scripts" / "train.py").write_text("import beside\nfrom package.layers import WIDTH\n")
    (own / "scripts" / "beside.py").write_text("b = 2\n")
    (own / "weights.pt").write_bytes(b"weights")
    (own / "pictures" / "cat").mkdir(parents=True)
    return own


@pytest.fixture
def places(folder, tmp_path):
    return Places(data_root=tmp_path / "data", own=(folder,))


def program(name):
    return ProgramTrial(task="program", program=name, metric="loss", seed=0, seed_parameter=None)


def test_only_the_code_that_the_trials_use_is_sent(make_trial, places):
    assert set(own_code([make_trial(model="mine:build")], places)) == {
        "mine.py",
        "package/__init__.py",
        "package/layers.py",
    }
    assert set(own_code([program("scripts/train.py")], places)) == {
        "scripts/beside.py",
        "scripts/train.py",
        "package/__init__.py",
        "package/layers.py",
    }
    assert own_code([make_trial()], places) == {}


def test_the_same_for_a_function_and_for_a_command_of_the_machine(places, folder):
    (folder / "scripts" / "train.py").write_text("import beside\ndef train(config): pass\n")
    for name in ("scripts/train.py:train", "mine:build"):
        code = own_code([program(name)], places)
        assert (name.partition(":")[0] in "".join(code)) is True
    assert own_code([program(Path(sys.executable).name)], places) == {}


@pytest.mark.parametrize("name", ["scripts/train.py", "mine:build"])
def test_what_arrives_has_the_digests_of_what_was_sent(name, places, tmp_path):
    trial = program(name)
    elsewhere = Places(data_root=tmp_path, own=(tmp_path / "not here",))
    there = placed(own_code([trial], places), elsewhere, tmp_path / "machine")
    assert there.own[0].is_relative_to(tmp_path / "machine")
    assert fingerprint_of(own_of(trial), there) == fingerprint_of(own_of(trial), places)


def test_a_script_that_arrives_runs(places, tmp_path):
    code = own_code([program("scripts/train.py")], places)
    there = placed(code, Places(data_root=tmp_path, own=(tmp_path / "no",)), tmp_path / "machine")
    script = there.own_path("scripts/train.py")
    subprocess.run(
        [sys.executable, script],
        check=True,
        cwd=there.own[0],
        env=os.environ | {"PYTHONPATH": str(there.own[0])},
    )


def test_a_file_has_each_name_by_which_a_grid_may_call_it(folder, tmp_path):
    # The grid's folder comes first, then the working folder.
    places = Places(data_root=tmp_path, own=(folder / "scripts", folder))
    code = own_code([program("scripts/train.py")], places)
    assert {"train.py", "scripts/train.py"} <= set(code)
    there = placed(code, Places(data_root=tmp_path, own=(tmp_path / "no",)), tmp_path / "machine")
    for name in ("train.py", "scripts/train.py"):
        assert there.own_path(name) is not None
    assert placed(code, places, tmp_path / "machine") is places


def test_of_two_files_with_one_name_that_of_the_first_folder_has_it(folder, tmp_path):
    names = "abcdefgh"
    imports = ", ".join(f"{name}, scripts.{name}" for name in names)
    for name in names:
        (folder / f"{name}.py").write_text(f"import {imports}\n")
        (folder / "scripts" / f"{name}.py").write_text("")
    places = Places(data_root=tmp_path, own=(folder, folder / "scripts"))
    code = own_code([program("a.py")], places)
    assert len(code) == 2 * len(names)
    assert code == {name: (folder / name).read_bytes() for name in code}
    assert placed(code, places, tmp_path / "machine") is places


@pytest.mark.parametrize("script", ["train.v2.py", "analysis.py"])
def test_a_script_is_sent_whatever_its_name_is(folder, places, script):
    (folder / script).write_text("import mine\n")
    assert set(own_code([program(script)], places)) == {
        script,
        "mine.py",
        "package/__init__.py",
        "package/layers.py",
    }


def test_where_the_same_files_are_they_are_used(places, make_trial, tmp_path, folder):
    code = own_code([make_trial(model="mine:build")], places)
    assert placed(code, places, tmp_path / "machine") is places
    assert placed({}, places, tmp_path / "machine") is places
    assert not (tmp_path / "machine").exists()
    (folder / "package" / "layers.py").write_text("WIDTH = 4\n")
    assert placed(code, places, tmp_path / "machine") != places, "an older or newer version"


@given(contents=st.dictionaries(st.sampled_from(["a.py", "b/c.py"]), st.binary(), min_size=1))
def test_other_code_has_another_folder(contents, tmp_path_factory):
    machine = tmp_path_factory.mktemp("machine")
    nowhere = Places(data_root=machine, own=(machine / "no",))
    first = placed(contents, nowhere, machine).own
    assert placed(contents, nowhere, machine).own == first
    changed = {name: content + b"#" for name, content in contents.items()}
    assert placed(changed, nowhere, machine).own != first
    for name, content in contents.items():
        assert (first[0] / name).read_bytes() == content


def test_data_of_the_users_own_must_be_there(make_trial, places, folder, monkeypatch):
    monkeypatch.setattr(own_files, "folder_path", lambda name, _: folder / name)
    trials = [
        make_trial(dataset="imagefolder:pictures"),
        make_trial(pretrained="weights.pt"),
        make_trial(),
    ]
    assert own_data(trials, places) == [folder / "pictures", folder / "weights.pt"]


def test_what_is_too_large_to_be_code_is_not_sent(make_trial, places, folder, monkeypatch):
    monkeypatch.setattr(own_files, "MOST_BYTES", 2**20)
    (folder / "package" / "layers.py").write_bytes(b"#" * 2**21)
    with pytest.raises(OwnFilesError, match=r"3 files with 2 MiB.*mount its folder there"):
        own_code([make_trial(model="mine:build")], places)


def test_the_size_of_what_is_sent_is_said():
    assert sent_code({"a.py": b"0" * 1500, "b.py": b"0" * 20}) == "your own code (2 files, 1.5 kB)"
    assert sent_code({"a.py": b"0" * 100}) == "your own code (1 file, 0.1 kB)"
