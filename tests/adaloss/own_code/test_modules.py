"""The user's own code: where it is found, which files belong to it, and what changes a digest."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import adaloss_sweep
from adaloss.own_code.modules import (
    PACKAGES,
    OwnCodeError,
    find_own_module,
    forget_own_modules,
    import_own_module,
    is_own_path,
    own_code_first,
)
from adaloss.own_code.source_digests import code_digests, digests_of_files, with_loaded


@pytest.fixture
def write(tmp_path):
    """Write files below a folder of the user's, and return the folder."""

    def write_files(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write_files


def digests(name, folder):
    return code_digests(find_own_module(name, [folder]))


IMPORTS = {
    "import": "import layers",
    "from": "from layers import Block",
    "inside a function": "def net():\n    from layers import Block",
    "under a condition": "try:\n    import layers\nexcept ImportError:\n    pass",
    "by name": "import importlib\nimportlib.import_module('layers')",
    "by the built-in function": "__import__('layers')",
}


@pytest.mark.parametrize("imports", IMPORTS.values(), ids=IMPORTS)
def test_what_the_module_imports_from_the_same_folder_counts(write, imports):
    folder = write(mine=imports, layers="Block = 1", other="Block = 1")
    assert list(digests("mine", folder)) == ["layers.py", "mine.py"]
    before = digests("mine", folder)
    write(layers="Block = 2", other="Block = 2")
    after = digests("mine", folder)
    assert before["mine.py"] == after["mine.py"]
    assert before["layers.py"] != after["layers.py"]


def test_imports_are_followed_from_file_to_file_and_in_circles(write):
    folder = write(mine="import a", a="import b", b="import mine")
    assert list(digests("mine", folder)) == ["a.py", "b.py", "mine.py"]


@pytest.mark.parametrize("has_init", [True, False])
def test_packages_and_relative_imports(write, has_init):
    model = "from . import parts\nfrom ..shared import width\nfrom .deep.last import x"
    folder = write(nets__big__model=model, nets__big__parts="", nets__big__deep__last="")
    write(nets__shared="", nets__unused="")
    if has_init:
        (folder / "nets" / "__init__.py").write_text("")
        (folder / "nets" / "big" / "__init__.py").write_text("import json")
    names = set(digests("nets.big.model", folder))
    expected = {"nets/big/model.py", "nets/big/parts.py", "nets/big/deep/last.py", "nets/shared.py"}
    inits = {"nets/__init__.py", "nets/big/__init__.py"}
    assert names == expected | (inits if has_init else set())


def test_relative_imports_by_name(write):
    imports = "import_module('..losses', __package__)\nimport_module('.parts', __package__)"
    folder = write(nets__big__model=imports, nets__big__parts="", nets__losses="", losses="")
    write(nets__big__losses="")
    names = ["nets/big/model.py", "nets/big/parts.py", "nets/losses.py"]
    assert list(digests("nets.big.model", folder)) == names


def test_comments_layout_and_documentation_change_nothing(write):
    code = "def net(width):\n    return width * 0.3\n"
    before = digests("mine", write(mine=code))
    longer = (
        '"""What it is."""\n\n# why\ndef net(width):\n    "How."\n'
        "    return (width\n        * 0.3)\n"
    )
    assert digests("mine", write(mine=longer)) == before
    assert digests("mine", write(mine=code.replace("0.3", "0.95"))) != before
    assert digests("mine", write(mine=code.replace("width *", "width +"))) != before
    assert digests("mine", write(mine=code.replace("0.3", "'0.3'"))) != before


def test_documentation_counts_where_docopt_reads_it(write):
    code = (
        '"""Usage: mine [--width=N]\n\n--width=N  [default: 64]\n"""\nfrom docopt import docopt\n'
    )
    before = digests("mine", write(mine=code))
    after = digests("mine", write(mine=code.replace("64", "128")))
    assert before["mine.py"] == after["mine.py"]
    assert before["mine.py (usage)"] != after["mine.py (usage)"]
    assert list(digests("mine", write(mine='"""Like docopt."""'))) == ["mine.py"]


def test_every_byte_counts_in_a_file_that_is_not_python(write):
    before = digests("mine", write(mine="def (:"))
    assert digests("mine", write(mine="def (::")) != before


def test_installed_packages_are_not_the_users_own(write):
    folder = write(mine="import torch, numpy as np\nfrom adaloss import AdaLoss")
    assert list(digests("mine", folder)) == ["mine.py"]


@pytest.mark.slow
def test_only_the_package_of_an_installed_module_counts():
    found = find_own_module("hypothesis.strategies", [])
    names = code_digests(found)
    assert "hypothesis/strategies/__init__.py" in names
    assert all(name.startswith("hypothesis/") for name in names)


def test_the_first_folder_wins(tmp_path):
    for name in ("grid", "working"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine_twice.py").write_text(f"where = {name!r}")
    folders = [tmp_path / "grid", tmp_path / "working"]
    assert find_own_module("mine_twice", folders).file == tmp_path / "grid" / "mine_twice.py"


def test_finding_a_module_imports_nothing(write):
    folder = write(mine="raise SystemExit", package____init__="raise SystemExit")
    assert find_own_module("mine", [folder])
    assert find_own_module("nothing_of_the_kind", [folder]) is None


def test_packages_are_those_that_the_tool_imports_first():
    assert PACKAGES == adaloss_sweep.PACKAGES


@pytest.mark.parametrize("name", PACKAGES)
def test_names_of_the_tools_packages_are_refused(write, name):
    folder = write(**{name: "net = 1"})
    with pytest.raises(OwnCodeError, match=f"{name} is the name of a package of adaloss-sweep"):
        import_own_module(name, [folder])


def test_an_already_imported_module_is_not_taken_for_the_users(write):
    folder = write(json="net = 1")
    with own_code_first([folder]), pytest.raises(OwnCodeError, match=r"rename .*json\.py"):
        import_own_module("json", [folder])


def test_the_users_folders_come_first_while_they_build_and_last_afterwards(tmp_path):
    before = list(sys.path)
    try:
        with own_code_first([tmp_path]):
            assert sys.path[0] == str(tmp_path)
        assert sys.path == [*before, str(tmp_path)]
    finally:
        sys.path[:] = before


def test_the_source_is_imported_and_not_the_bytecode_of_an_older_file(write, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = write(old_bytecode="value = 1")
    path = folder / "old_bytecode.py"
    os.utime(path, (1_000_000_000, 1_000_000_000))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)
    assert list((folder / "__pycache__").glob("old_bytecode.*.pyc"))
    path.write_text("value = 2")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    with own_code_first([folder]):
        assert import_own_module("old_bytecode", [folder]).value == 2


def test_modules_imported_by_computed_names_count_once_they_are_imported(write):
    imports = "import importlib\nNAME = 'layers_by_' + 'name'\nimportlib.import_module(NAME)"
    folder = write(mine_imports_by_name=imports, layers_by_name="Block = 1")
    assert "layers_by_name.py" not in digests("mine_imports_by_name", folder)
    with own_code_first([folder]):
        import_own_module("mine_imports_by_name", [folder])
    loaded = with_loaded({}, [folder])
    assert set(loaded) == {"layers_by_name.py", "mine_imports_by_name.py"}
    assert digests_of_files(loaded, [folder]) == loaded
    write(layers_by_name="Block = 2")
    now = digests_of_files(loaded, [folder])
    assert now["layers_by_name.py"] != loaded["layers_by_name.py"]
    assert now["mine_imports_by_name.py"] == loaded["mine_imports_by_name.py"]


def test_what_was_imported_counts_whatever_its_file_has_become(write):
    folder = write(mine_that_is_edited="answer = 1")
    before = digests("mine_that_is_edited", folder)
    with own_code_first([folder]):
        module = import_own_module("mine_that_is_edited", [folder])
    write(mine_that_is_edited="answer = 2")
    # As for a traceback; it does not read for what was imported.
    assert "answer = 2" in module.__spec__.loader.get_source("mine_that_is_edited")
    assert with_loaded(digests("mine_that_is_edited", folder), [folder]) == before
    (folder / "mine_that_is_edited.py").unlink()
    assert with_loaded({}, [folder]) == before
    # What was not imported stays as it was recorded.
    assert with_loaded({"later.py": "1"}, [folder]) == {"later.py": "1", **before}


def test_a_compiled_module_keeps_its_recorded_digest(write, monkeypatch):
    folder = write()
    file = folder / "mine_compiled.so"
    file.write_bytes(b"1")
    module = ModuleType("mine_compiled")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "mine_compiled", module)
    before = with_loaded({}, [folder])
    assert set(before) == {"mine_compiled.so"}
    file.write_bytes(b"2")
    assert with_loaded(before, [folder]) == before


def test_code_beside_a_grid_that_is_named_through_another_folder_is_found(write):
    # As of adaloss-sweep run sub/../grid.yaml.
    write(sub__other="", mine_named_around="answer = 1")
    around = write() / "sub" / ".."
    with own_code_first([around]):
        import_own_module("mine_named_around", [around])
    assert set(with_loaded({}, [around])) == {"mine_named_around.py"}
    forget_own_modules([around])
    assert "mine_named_around" not in sys.modules


def test_installed_packages_and_the_standard_library_are_not_the_users():
    everything = ("/",)
    assert is_own_path("/home/of/a/user", everything)
    for module in (pytest, json):
        assert not is_own_path(str(Path(module.__file__).parent), everything)


@pytest.mark.parametrize("path", ["/own/m.py", "/own/./m.py", "/own//m.py", "/other/../own/m.py"])
def test_a_path_may_be_written_in_any_way(path):
    assert is_own_path(path, ("/own",))
    assert is_own_path(path, ("/elsewhere", "/other/../own/"))
    assert not is_own_path(path, ("/ow", "/own/m"))
