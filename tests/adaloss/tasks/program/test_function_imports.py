"""A function's module: what is imported, again once it is edited, digested, or refused."""

import os

import pytest

from adaloss.records.result import FailureKind, TrialState


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("mine:fit", "mine has no function fit; it has train"),
        ("mine:NUMBER", "mine has no function NUMBER"),
        ("other:train", "there is no module other"),
        ("other.py:train", "there is no program other.py"),
        ("broken:train", "broken cannot be imported: SyntaxError"),
        ("broken.py:train", "broken.py cannot be imported: SyntaxError"),
    ],
)
def test_a_function_that_cannot_be_found_is_named(programs, program, message):
    programs.write("mine.py", "NUMBER = 3\ndef train(trial): ...\n")
    programs.write("broken.py", "def train(trial)\n")
    result = programs.run(programs.trial(program))
    assert result.state is TrialState.FAILED
    assert message in result.failure.message


def test_a_module_that_finds_no_memory_says_so(programs):
    programs.write("mine.py", "raise MemoryError('for the table of words')")
    failure = programs.run(programs.trial("mine:train")).failure
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("mine cannot be imported: MemoryError: for the table")


def test_a_module_that_exits_while_it_is_imported_has_failed(programs):
    programs.write("mine.py", "import sys\nsys.exit('usage: mine.py FILE')")
    failure = programs.run(programs.trial("mine:train")).failure
    assert (failure.kind, failure.message) == (FailureKind.CODE, "sys.exit('usage: mine.py FILE')")
    assert 'mine.py", line 2' in failure.traceback


BY_NAME = """
    import importlib
    def train(trial):
        yield {"loss": importlib.import_module("oth" + "er").VALUE}
        yield {"loss": importlib.import_module("besi" + "de").VALUE}
"""


def test_a_module_that_no_import_statement_names_is_digested(programs):
    programs.write("other.py", "VALUE = 3\n")
    programs.write("beside.py", "VALUE = 4\n")
    programs.write("mine.py", BY_NAME)
    made = programs.run(programs.trial("mine:train")).fingerprint.program
    assert made.keys() == {"mine.py", "other.py", "beside.py"}


def test_a_file_of_the_same_name_beside_the_program_is_no_edit_of_the_grids(programs):
    programs.write("shared.py", "TIMES = []\n")
    (programs.folder / "sub").mkdir()
    programs.write("sub/shared.py", "TIMES = None\n")
    programs.write(
        "sub/mine.py",
        "import shared\ndef train(trial):\n    shared.TIMES.append(1)\n"
        "    return {'loss': len(shared.TIMES)}\n",
    )
    for seed in (0, 1):
        trial = programs.trial("sub/mine.py:train", seed=seed)
        assert programs.run(trial).state is TrialState.COMPLETE
    assert programs.history(trial)[-1]["loss"] == 2


def test_such_a_module_is_imported_again_once_it_is_edited(programs):
    programs.write("beside.py", "VALUE = 4\n")
    programs.write("mine.py", BY_NAME)
    digests = []
    for value in (1, 2):
        programs.write("other.py", f"VALUE = {value}\n")
        trial = programs.trial("mine:train", seed=value)
        digests.append(programs.run(trial).fingerprint.program)
        assert [each["loss"] for each in programs.history(trial)] == [value, 4]
    first, second = digests
    assert first["other.py"] != second["other.py"]
    assert first["mine.py"] == second["mine.py"]


def test_a_file_counts_as_it_was_when_it_was_imported(programs):
    programs.write("other.py", "VALUE = 1\n")
    programs.write("beside.py", "VALUE = 1\n")
    programs.write("mine.py", BY_NAME)
    whole = programs.run(programs.trial("mine:train"))
    execution = programs.start(programs.trial("mine:train", seed=1))
    execution.advance()
    for name in ("mine.py", "other.py"):
        programs.write(name, "VALUE = 2\n")
    while execution.advance() is not None:
        pass
    assert execution.result.fingerprint == whole.fingerprint


def test_modules_that_were_not_edited_are_imported_once(programs):
    programs.write(
        "mine.py",
        """
        CALLS = []
        def train(trial):
            CALLS.append(trial)
            return {"loss": len(CALLS)}
        """,
    )
    losses = [programs.run(programs.trial("mine:train", seed=n)).last["loss"] for n in range(3)]
    assert losses == [1, 2, 3]


@pytest.mark.parametrize("place", ["", "../lib/"])
def test_an_edited_file_is_imported_again_with_what_is_beside_it(programs, place, monkeypatch):
    """Within the second in which Python takes its bytecode for that of a file of the same size."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (programs.folder / place).mkdir(exist_ok=True)
    for value in (1, 2):
        programs.write(f"{place}beside.py", f"VALUE = {value}\n")
        programs.write(
            f"{place}other.py",
            f"""
            import beside
            def train(trial):
                return {{"loss": {value}, "beside": beside.VALUE}}
            """,
        )
        for name in ("beside.py", "other.py"):
            os.utime(programs.folder / place / name, (1e9, 1e9))
        trial = programs.trial(f"{place}other.py:train", seed=value)
        last = programs.run(trial).last
        assert (last["loss"], last["beside"]) == (value, value)


def test_a_file_with_the_name_of_another_module_is_refused(programs):
    programs.write("copy.py", "def train(trial):\n    return {'loss': 1}\n")
    result = programs.run(programs.trial("copy.py:train"))
    assert "there is another module with the name copy: rename" in result.failure.message
