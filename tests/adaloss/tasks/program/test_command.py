"""Command lines are those of the installed wandb's agent, except where the agent's cannot work."""

import json
import shlex
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wandb import wandb_agent
from wandb.sdk.launch.sweeps.utils import (
    DEFAULT_SWEEP_COMMAND,
    create_sweep_command,
    create_sweep_command_args,
)

from adaloss.errors import UserError
from adaloss.tasks.program import command as module
from adaloss.tasks.program.command import (
    ARGS_FILE,
    ARGUMENTS,
    DEFAULT_COMMAND,
    MACROS,
    args_json,
    command_line,
    mistakes_in_command,
    needs_args_file,
)

NAMES = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
LISTS = st.lists(SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
FLAT = st.dictionaries(NAMES, SCALARS | LISTS, max_size=5)
NESTED = st.dictionaries(
    NAMES, SCALARS | LISTS | st.dictionaries(NAMES, SCALARS | LISTS, max_size=2), max_size=4
)
PARAMETERS = {"lr": 1e-5, "flag": True, "other": False, "betas": (0.9, 0.95), "text": "a b"}


def line(command, parameters=PARAMETERS, program="train.py", home=Path("/grid")):
    return command_line(command, program, "/venv/bin/python", parameters, "/trial/args.json", home)


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def agent_arguments(parameters):
    """What the agent makes of the parameters, by macro."""
    args = {name: {"value": value} for name, value in parameters.items()}
    return create_sweep_command_args({"args": args})


def agent_command(monkeypatch, folder, command, parameters):
    """The process that the agent would start."""
    started = []
    monkeypatch.setattr(
        wandb_agent, "AgentProcess", lambda command, **_: started.append(command) or Ran()
    )
    monkeypatch.setenv("WANDB_DIR", str(folder))
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    # The agent sets these two: monkeypatch restores them.
    monkeypatch.setenv("WANDB_RUN_ID", "before")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "before")
    agent = object.__new__(wandb_agent.Agent)
    agent._sweep_command, agent._run_processes = list(command or []), {}
    agent._function, agent._in_jupyter, agent._forward_signals = None, False, False
    (folder / "wandb" / "sweep-None").mkdir(parents=True, exist_ok=True)
    args = {name: {"value": value} for name, value in parameters.items()}
    agent._command_run({"args": args, "run_id": "id", "program": "train.py"})
    return started[0]


class Ran:
    """A process of which the agent only notes when it was told to stop."""


@given(FLAT)
def test_arguments_are_the_agents(parameters):
    theirs = agent_arguments(parameters)
    ours = {name: tuples(value) for name, value in parameters.items()}
    for macro in (*ARGUMENTS, "args_json"):
        assert line([f"${{{macro}}}"], ours) == theirs[macro], macro


@given(NESTED)
def test_nested_parameters_are_the_agents_except_for_hydra(parameters):
    theirs = agent_arguments(parameters)
    for macro in (*ARGUMENTS, "args_json"):
        if "hydra" not in macro:
            assert line([f"${{{macro}}}"], parameters) == theirs[macro]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    parameters=FLAT,
    command=st.none()
    | st.lists(
        st.sampled_from([*(f"${{{name}}}" for name in MACROS), "${envvar:WHERE}", "x", 3, 0.5])
        | st.sampled_from(["--a=${envvar:WHERE}/b", "two words", "${envvar:WHERE}${envvar:WHERE}"]),
        max_size=6,
    ),
)
def test_the_process_is_the_agents(parameters, command, monkeypatch, tmp_path):
    monkeypatch.setenv("WHERE", "here")
    monkeypatch.setattr(module, "needs_interpreter", lambda *_: False)
    monkeypatch.setattr(module, "is_script", lambda _: False)
    args_file = tmp_path / "wandb" / "sweep-None" / "config-id.json"
    args_file.unlink(missing_ok=True)
    theirs = agent_command(monkeypatch, tmp_path, command, parameters)
    ours = command_line(command, "train.py", "python", parameters, args_file, tmp_path)
    assert ours == theirs
    assert needs_args_file(command) == args_file.exists()
    if args_file.exists():
        assert args_file.read_text() == args_json(parameters)


def test_the_default_command_is_the_agents():
    assert list(DEFAULT_COMMAND) == DEFAULT_SWEEP_COMMAND
    assert line(None, {"lr": 0.1}) == [
        *("/usr/bin/env", "/venv/bin/python", "train.py", "--lr=0.1"),
    ]
    assert line([], {}) == line(None, {})


def test_every_macro_of_the_agent_is_known():
    theirs = agent_arguments({}).keys() - {"args_dict"}
    assert theirs <= set(MACROS)
    assert {"env", "interpreter", "program", ARGS_FILE} <= set(MACROS)


def test_windows_has_no_env(monkeypatch):
    monkeypatch.setattr(module.platform, "system", lambda: "Windows")
    assert line(None, {}) == ["/venv/bin/python", "train.py"]


@given(st.floats(allow_nan=False))
def test_floats_are_exact(value):
    text = line(["${args}"], {"x": value})[0]
    assert float(text.removeprefix("--x=")) == value


def test_booleans_and_lists():
    assert line(["${args}"]) == [
        *("--lr=1e-05", "--flag=True", "--other=False", "--betas=[0.9, 0.95]", "--text=a b"),
    ]
    assert line(["${args_no_boolean_flags}"]) == [
        *("--lr=1e-05", "--flag", "--betas=[0.9, 0.95]", "--text=a b"),
    ]
    assert line(["${args_no_boolean_flags}"], {"one": 1, "zero": 0}) == ["--one=1", "--zero=0"]


def test_hydra_gets_groups_as_dotted_names():
    nested = {"optimizer": {"lr": 0.1, "adam": {"betas": (0.9, 0.95)}}, "head.size": 3, "empty": {}}
    assert line(["${args}"], nested)[0] == "--optimizer={'lr': 0.1, 'adam': {'betas': [0.9, 0.95]}}"
    assert line(["${args_override_hydra}"], nested) == [
        *(
            "++optimizer.lr=0.1",
            "++optimizer.adam.betas=[0.9, 0.95]",
            "++head.size=3",
            "++empty={}",
        ),
    ]


def test_names_with_a_sign_of_hydra_keep_it():
    signed = {"+new": 1, "++forced": 2, "old": 3}
    assert line(["${args_append_hydra}"], signed) == ["+new=1", "++forced=2", "+old=3"]
    assert line(["${args_override_hydra}"], signed) == ["+new=1", "++forced=2", "++old=3"]
    assert line(["${args_no_hyphens}"], signed) == ["+new=1", "++forced=2", "old=3"]


def test_a_python_file_that_cannot_be_started_gets_the_interpreter(tmp_path):
    program = tmp_path / "train.py"
    program.write_text("#!/usr/bin/env python\n")
    for start in ([], ["${env}"]):
        command = [*start, "${program}", "x"]
        program.chmod(0o644)
        assert line(command, program=str(program))[-3:] == ["/venv/bin/python", str(program), "x"]
        program.chmod(0o755)
        assert line(command, program=str(program))[-2:] == [str(program), "x"]
        assert "/venv/bin/python" not in line(command, program=str(program))
    # The script starts in the grid's folder, and not in this process's.
    assert line(["${program}"], program="./train.py", home=tmp_path) == ["./train.py"]
    program.chmod(0o644)
    started = ["/venv/bin/python", "./train.py"]
    assert line(["${program}"], program="./train.py", home=tmp_path) == started
    assert line(["${program}"], program="train.py") == ["/venv/bin/python", "train.py"]
    assert line(["${program}"], program="./train.sh") == ["./train.sh"]
    assert line(["torchrun", "${program}"]) == ["torchrun", "train.py"]


def test_macros_inside_words(monkeypatch):
    monkeypatch.setenv("WHERE", "/data sets")
    parameters = {"a": 1, "b": "x y"}
    assert line(["--config=${args_json_file}"]) == ["--config=/trial/args.json"]
    assert line(["--json=${args_json}"], {"a": "it's"}) == ['--json={"a": "it\'s"}']
    assert line(["--extra=${args}"], parameters) == ["--extra=--a=1 '--b=x y'"]
    assert line(["${program}:${envvar:WHERE}", "x"]) == ["train.py:/data sets", "x"]
    assert line(["--x=${HOME}"]) == ["--x=${HOME}"]
    assert needs_args_file(["--config=${args_json_file}"])
    assert not needs_args_file(None)


@pytest.mark.parametrize("start", [["bash", "-c"], ["/usr/bin/env", "/bin/bash", "-ec"], []])
def test_a_shell_gets_quoted_arguments(start, tmp_path):
    program = tmp_path / "a folder" / "print.py"
    program.parent.mkdir()
    program.write_text("import sys, json; print(json.dumps(sys.argv[1:]))")
    parameters = {"text": 'it\'s $HOME; "a" b', "betas": (0.9, 0.95), "flag": True}
    words = command_line(
        [*start, "cd / && X=1 && ${interpreter} ${program} ${args} x=${X}"],
        *(str(program), sys.executable, parameters, tmp_path, tmp_path),
    )
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == [
        *agent_arguments(parameters | {"betas": [0.9, 0.95]})["args"],
        "x=1",
    ]


def test_only_the_script_of_a_shell_is_quoted():
    assert line(["python", "-c", "${program} x"], program="a b") == ["python", "-c", "a b x"]
    assert line(["bash", "run.sh", "${program} x"], program="a b")[2] == "a b x"
    assert line(["bash", "-c", "${program} x"], program="a b")[2] == f"{shlex.quote('a b')} x"


def test_words_that_are_not_text():
    assert line(["run", 3, 0.5, True]) == ["run", "3", "0.5", "True"]
    assert create_sweep_command(["run", 3, 0.5]) == ["run", 3, 0.5]
    mistakes = dict(mistakes_in_command(["run", None, ["a"], {"a": 1}]))
    assert mistakes == {
        1: "each word of a command must be text, found nothing",
        2: "each word of a command must be text, found a list",
        3: "each word of a command must be text, found a mapping",
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("${argz}", "unknown macro ${argz}; did you mean args?"),
        ("${args-json}", "unknown macro ${args-json}; did you mean args_json?"),
        ("--config=${arg_json_file}", "did you mean args_json_file?"),
        ("${gizmo}", "unknown macro ${gizmo}; known: env, interpreter, program, args,"),
        ("${args_dict}", "unknown macro ${args_dict}"),
        ("${SET}", "unknown macro ${SET}; write ${envvar:SET} for the environment variable"),
        ("${envvar:MISSING}", "${envvar:MISSING}: the environment variable MISSING is not set"),
        ("--a=${envvar:MISSING}", "${envvar:MISSING}: the environment variable MISSING"),
        ("${envvar:}", "${envvar:} needs the name of an environment variable"),
        ("${envvar: SET}", "${envvar: SET} needs the name"),
    ],
)
def test_mistakes(word, message, monkeypatch):
    monkeypatch.setenv("SET", "x")
    monkeypatch.delenv("MISSING", raising=False)
    ((index, mistake),) = mistakes_in_command(["python", word])
    assert index == 1
    assert message in mistake
    with pytest.raises(UserError, match=r"^command: "):
        line(["python", word])


@pytest.mark.parametrize(
    "word", ["${envvar:SET}", "a ${SET} b", "${X}/${WORLD_SIZE}", "$args", "{x}"]
)
def test_no_mistake(word, monkeypatch):
    monkeypatch.setenv("SET", "x")
    assert not list(mistakes_in_command(["bash", "-c", word]))


@pytest.mark.parametrize("macro", MACROS)
def test_each_macro_is_no_mistake(macro):
    assert not list(mistakes_in_command([f"${{{macro}}}", f"--a=${{{macro}}}"]))
