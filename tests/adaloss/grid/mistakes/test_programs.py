"""Each mistake in a grid with ``program:`` is reported once, with its line and a correction."""

import pytest

from adaloss.grid.sweep import GridError, load_sweep

GRID = """\
name: demo
program: train.py
metric: {name: val_loss}
parameters:
  optimizer.lr: [0.1, 1]
  batch-size: 32
seeds: 2
"""
RANDOM = """\
name: demo
program: train.py
metric: {name: val_loss}
method: random
run_cap: 4
parameters:
  lr: {min: 0.001, max: 0.1}
  opt: [sgd, adam]
"""
NO_METRIC = (
    "metric is missing: name the metric of the tables, as in metric: {name: val_loss, goal: "
    "minimize}"
)
NO_PROGRAM = "program is missing: name your script, or module:function"
NOT_A_LIST = "is not supported: a grid needs the values themselves; write values:"
OR_RANDOM = "; or write method: random with run_cap"
GROUP = "; write batch-size: {parameters: {…}} for parameters in a group"
A_MAPPING = "batch-size is a mapping: write parameters: {…} in it"
A_GROUP = r"write a group for each metric, as in loss=(?P<loss>\S+)"


@pytest.fixture
def mistakes(tmp_path):
    def load_and_catch(text):
        path = tmp_path / "grid.yaml"
        path.write_text(text)
        with pytest.raises(GridError) as caught:
            load_sweep(path)
        return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]

    return load_and_catch


# (a part of GRID, what replaces it, and the expected messages)
REPLACED = {
    "no metric": ("metric: {name: val_loss}\n", "", f"1: {NO_METRIC}"),
    "no name of the metric": ("{name: val_loss}", "{goal: maximize}", f"3: {NO_METRIC}"),
    "text as metric": (
        "{name: val_loss}",
        "val_loss",
        "3: metric must be a mapping, found the text 'val_loss'; write metric: {name: val_loss}",
    ),
    "nothing as metric": ("{name: val_loss}", "", "3: metric must be a mapping, found nothing"),
    "number as name of the metric": (
        "val_loss",
        "3",
        "3: metric.name must be the name of a metric that the program logs, found 3",
    ),
    "empty name of the metric": (
        "val_loss",
        "''",
        "3: metric.name must be the name of a metric that the program logs, found the text ''",
    ),
    "goal": (
        "val_loss}",
        "val_loss, goal: maximise}",
        "3: metric.goal must be 'maximize' or 'minimize', found the text 'maximise'; "
        "did you mean maximize?",
    ),
    "bound of what is maximized": (
        "val_loss}",
        "acc, goal: maximize}\ndivergence: {max_loss: 50}",
        "4: max_loss would be a bound of acc, which is maximized: name the metric that it bounds, "
        "as in divergence: {metric: loss, max_loss: 100}",
    ),
    "best_val": (
        "val_loss}",
        "val_loss, at: best_val}",
        "3: metric.at cannot be best_val: the task program has no validation",
    ),
    "task without program": ("program: train.py", "task: program", f"2: {NO_PROGRAM}"),
    "nothing as program": ("program: train.py", "program:", f"2: {NO_PROGRAM}"),
    "empty program": (
        "program: train.py",
        "program: ''",
        "2: program must be text of at least one character, found the text ''",
    ),
    "number as program": (
        "program: train.py",
        "program: 3",
        "2: program must be text, found 3; put it in quotes",
    ),
    "a mapping": (
        "32",
        "{lr: 0.1}",
        f"6: batch-size must have either value or values, found lr{GROUP}",
    ),
    "a mapping as value": ("32", "{value: {lr: 1}}", f"6: {A_MAPPING}"),
    "mappings as values": ("32", "\n    values:\n      - 1\n      - {lr: 1}", f"9: {A_MAPPING}"),
    "a mapping in a list": ("32", "[[{lr: 1}]]", f"6: {A_MAPPING}"),
    "nan": ("32", ".nan", "6: batch-size must be a value other than .nan, found .nan"),
    "nan in a list": (
        "32",
        "[[1, .nan]]",
        "6: batch-size must be a value other than .nan, found a list",
    ),
    "no form": ("32", "{}", "6: batch-size must have either value or values, found neither"),
    "no values": ("32", "[]", "6: batch-size is an empty list; it needs at least one value"),
    "text as values": (
        "32",
        "{values: a}",
        "6: batch-size.values must be a list, found the text 'a'",
    ),
    "value twice": ("32", "[1, a, 1.0]", "6: batch-size has the value 1 twice; remove one"),
    "true and 1": (
        "32",
        "[1, true]",
        "6: batch-size has both 1 and true, which tables cannot tell apart: write one of them "
        "everywhere, or two grids",
    ),
    "few whole numbers": (
        "32",
        "{min: 1, max: 3}",
        f"6: batch-size.min {NOT_A_LIST} [1, 2, 3]{OR_RANDOM}",
    ),
    "distribution": (
        "32",
        "{distribution: normal}",
        f"6: batch-size.distribution normal {NOT_A_LIST} […]{OR_RANDOM}",
    ),
    "distribution that random search refuses too": (
        "32",
        "{distribution: uniform, min: 3}",
        f"6: batch-size.distribution uniform {NOT_A_LIST} […]",
    ),
    "probabilities": (
        "32",
        "{values: [1, 2], probabilities: [0.1, 0.9]}",
        "6: batch-size has probabilities, but a grid tries each of the values equally often: "
        f"remove probabilities{OR_RANDOM}",
    ),
    "a name twice": (
        "batch-size: 32",
        "optimizer: {parameters: {lr: {value: 1}}}",
        "6: optimizer.lr is there as a dotted name and as a nested one: leave one out",
    ),
    "an empty group": ("32", "{parameters: {}}", "6: batch-size has no parameters; remove it"),
    "a group with values": (
        "32",
        "{value: 1, parameters: {x: 1}}",
        "6: batch-size has both parameters and value; leave one of them out",
    ),
    "seeds twice": (
        "  batch-size: 32",
        "  seed: [1, 2]",
        "6: seed and seeds are both set: leave one out",
    ),
    "seed of the parameters": (
        "  batch-size: 32\nseeds: 2",
        "  seed: [1, -2]",
        "6: seed must be at least 0, found -2",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), REPLACED.values(), ids=REPLACED)
def test_a_mistake_in_a_value(mistakes, old, new, expected):
    assert GRID.count(old) == 1
    assert mistakes(GRID.replace(old, new)) == [expected]


# (the text added at the end, from line 8 on, and the expected message)
ADDED = {
    "empty command": ("command: []", "command is empty; it needs at least one entry"),
    "text as command": (
        "command: python train.py",
        "command must be a list of words, such as ['${env}', python, '${program}', '${args}'], "
        "found the text 'python train.py'",
    ),
    "nothing in a command": (
        "command: [python, null]",
        "command: each word of a command must be text, found nothing",
    ),
    "unknown macro": (
        "command: [python, '${prgram}']",
        "command: unknown macro ${prgram}; did you mean program?",
    ),
    "unknown variable": (
        "command: ['${envvar:NO_SUCH_VARIABLE}']",
        "command: ${envvar:NO_SUCH_VARIABLE}: the environment variable NO_SUCH_VARIABLE is not set",
    ),
    "empty python": (
        "python: ''",
        "python must be text of at least one character, found the text ''",
    ),
    "empty seed_parameter": (
        "seed_parameter: ''",
        "seed_parameter must be text of at least one character, found the text ''",
    ),
    "seed_parameter that is a parameter": (
        "seed_parameter: batch-size",
        "seed_parameter: batch-size is a parameter as well; the seed needs another name",
    ),
    "no source of metrics": ("metrics: {}", "metrics needs file or pattern"),
    "text as metrics": ("metrics: a.json", "metrics must be a mapping, found the text 'a.json'"),
    "metrics of wandb": (
        "metrics: [{name: a}, {name: b}]",
        "metrics is not supported: write metric: {name: …}, and add tables for further metrics",
    ),
    "file of metrics": (
        "metrics: {file: ''}",
        "metrics.file is empty; it needs at least one entry",
    ),
    "not a pattern": (
        "metrics: {pattern: '('}",
        "metrics.pattern: the pattern is not a regular expression: missing ), unterminated "
        "subpattern at position 0",
    ),
    "pattern without groups": (
        r"metrics: {pattern: 'loss=(\S+)'}",
        f"metrics.pattern: the pattern has no named group; {A_GROUP}",
    ),
    "pattern of the step": (
        "metrics: {pattern: 'step (?P<step>.)'}",
        f"metrics.pattern: the pattern has only the group step; {A_GROUP}",
    ),
    "misspelt pattern": ("metrics: {regex: x}", "unknown key 'regex'; did you mean pattern?"),
    "seed without random search": (
        "seed: 3",
        "seed is that of method: random; write seeds: for the seeds of the trials",
    ),
    "early_terminate": (
        "early_terminate: {type: hyperband}",
        "early_terminate is not supported: stopping trials early would bias the table; remove it",
    ),
    "bayes": (
        "method: bayes",
        "method 'bayes' is not supported: points that are chosen by earlier results would bias "
        "the tables; write method: random with run_cap, or method: grid",
    ),
    "misspelt method": (
        "method: ranndom",
        "method must be grid or random, found the text 'ranndom'; did you mean random?",
    ),
    "random without run_cap": (
        "method: random",
        "method: random needs run_cap, the number of points",
    ),
    "bound that is no number": (
        "divergence: {max_loss: .inf}",
        "divergence.max_loss must be a finite number, found .inf",
    ),
    "metric of divergence": (
        "divergence: {metric: 3}",
        "divergence.metric must be the name of a metric that the program logs, found 3",
    ),
    "template": (
        "wandb: {name: '{lr}'}",
        "wandb.name cannot fill in {lr}; known: task, program, batch-size, optimizer.lr, seed, "
        "trial_id, sweep",
    ),
    "misspelt field of a table": (
        "tables: [{rows: batchsize}]",
        "tables[0].rows must be a field of a trial, found the text 'batchsize'; "
        "did you mean batch-size?",
    ),
    "table that averages": (
        "tables: [{rows: batch-size, columns: program}]",
        "tables[0] would average over optimizer.lr, not only over seeds; add optimizer.lr to its "
        "rows, columns, per or tune, or choose cells with only",
    ),
    "target of another metric": (
        "tables: [{at: {reach: {acc: 3}}}]",
        "tables[0].at has no metric 'acc' to reach; there are val_loss",
    ),
    "unknown parameter of an override": (
        "overrides: [{match: {lr: 1}, set: {batch-size: 1}}]",
        "unknown field 'lr'; known: batch-size, optimizer.lr",
    ),
    "value that no cell has": (
        "exclude: [{optimizer.lr: '1'}]",
        "no cell has optimizer.lr: '1'; the grid has 0.1, 1",
    ),
    "task in an exclusion": (
        "exclude: [{task: program}]",
        "task is the same in every cell and cannot select cells",
    ),
    "nothing is left": ("exclude: [{batch-size: 32}]", "exclude leaves no cell of the grid"),
    "included cell": (
        "include: [{batch-size: 3}]",
        "an included cell needs a value of optimizer.lr, which the grid varies",
    ),
    "label of no value": (
        "labels: {3: three}",
        "labels: no field has the value '3'; known: 0.1, 1, 32, 0, optimizer.lr, batch-size, seed",
    ),
    "label of a parameter that is another's name": (
        "labels: {batch-size: optimizer.lr}",
        "labels: optimizer.lr would stand for the fields batch-size and optimizer.lr; give each "
        "its own",
    ),
}


@pytest.mark.parametrize(("text", "expected"), ADDED.values(), ids=ADDED)
def test_a_mistake_elsewhere(mistakes, text, expected):
    assert mistakes(f"{GRID}{text}\n") == [f"8: {expected}"]


MISSPELT = {
    "interpreter": "python",
    "python_path": "python",
    "regex": "metrics.pattern",
    "metrics_file": "metrics.file",
    "seed_arg": "seed_parameter",
    "script": "program",
    "entry_point": "program",
    "cmd": "command",
    "comand": "command",
    "num_runs": "run_cap",
    "n_seeds": "seeds",
}


@pytest.mark.parametrize(("key", "meant"), MISSPELT.items())
def test_a_misspelt_key_suggests_the_key_that_is_meant(mistakes, key, meant):
    (problem,) = mistakes(f"{GRID}{key}: 3\n")
    assert problem == f"8: unknown key '{key}'; did you mean {meant}?"


def test_our_own_parameters_are_no_hint_for_a_program(mistakes):
    (problem,) = mistakes(f"{GRID}learning_rate: 3\n")
    assert problem.startswith("8: unknown key 'learning_rate'; known: name, description, ")


@pytest.mark.parametrize("key", ["command: [python]", "python: python3"])
def test_a_function_has_no_process_of_its_own(mistakes, key):
    text = GRID.replace("train.py", "train:main") + key + "\n"
    assert mistakes(text) == [
        f"8: {key.partition(':')[0]} is for a script, and program is a function"
    ]


def test_each_word_of_a_command_has_its_own_line(mistakes):
    text = f"{GRID}command:\n  - python\n  - [x]\n  - ${{nothing}}\n"
    first, second = mistakes(text)
    assert first == "10: command: each word of a command must be text, found a list"
    assert second.startswith("11: command: unknown macro ${nothing}; known: env, interpreter, ")


RANDOMS = {
    "no run_cap": ("run_cap: 4\n", "", "4: method: random needs run_cap, the number of points"),
    "nothing as run_cap": (
        "run_cap: 4",
        "run_cap:",
        "4: method: random needs run_cap, the number of points",
    ),
    "run_cap of 0": ("run_cap: 4", "run_cap: 0", "5: run_cap must be at least 1, found 0"),
    "text as run_cap": (
        "run_cap: 4",
        "run_cap: many",
        "5: run_cap must be a whole number, found the text 'many'",
    ),
    "large run_cap": (
        "run_cap: 4",
        "run_cap: 1000000000000",
        "5: run_cap must be at most 100,000",
    ),
    "negative seed": ("run_cap: 4", "run_cap: 4\nseed: -1", "6: seed must be at least 0, found -1"),
    "text as seed": (
        "run_cap: 4",
        "run_cap: 4\nseed: x",
        "6: seed must be a whole number, found the text 'x'",
    ),
    "grid": (
        "method: random",
        "method: grid",
        f"7: lr.min {NOT_A_LIST} [0.001, …, 0.1]{OR_RANDOM}",
    ),
    "bayes": (
        "method: random",
        "method: bayes",
        "4: method 'bayes' is not supported: points that are chosen by earlier results would bias "
        "the tables; write method: random with run_cap, or method: grid",
    ),
    "bounds": ("min: 0.001", "min: 1", "7: lr.min 1 is greater than max 0.1"),
    "no max": (
        ", max: 0.1",
        "",
        "7: lr must have value, values, min and max, or a distribution; found min",
    ),
    "distribution": (
        "{min",
        "{distribution: log_uniform_value, min",
        "7: lr has the unknown distribution 'log_uniform_value'; did you mean log_uniform_values?",
    ),
    "nan": ("[sgd, adam]", "[sgd, .nan]", "8: opt must be a value other than .nan, found .nan"),
    "mapping": ("[sgd, adam]", "[{a: 1}]", "8: opt is a mapping: write parameters: {…} in it"),
    "true and 1": (
        "[sgd, adam]",
        "[1, true]",
        "8: opt has both true and 1, which tables cannot tell apart: write one of them "
        "everywhere, or two grids",
    ),
    "drawn seeds": (
        "opt: [sgd, adam]",
        "seed: {min: 1, max: 3}",
        f"8: seed.min {NOT_A_LIST} [1, 2, 3]",
    ),
    "text as seeds": (
        "opt: [sgd, adam]",
        "seed: [a]",
        "8: seed must be a whole number, found the text 'a'",
    ),
    "seeds twice": (
        "opt: [sgd, adam]",
        "seed: [1]\nseeds: 3",
        "8: seed and seeds are both set: leave one out",
    ),
    "too many trials": (
        "run_cap: 4",
        "run_cap: 20000\nseeds: 60",
        "7: the grid has 1,200,000 trials; the most that a sweep may have is 1,000,000",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), RANDOMS.values(), ids=RANDOMS)
def test_a_mistake_in_a_random_search(mistakes, old, new, expected):
    assert RANDOM.count(old) == 1
    assert mistakes(RANDOM.replace(old, new)) == [expected]


def test_points_that_are_not_drawn_are_not_compared_with_the_rest_of_the_grid(mistakes):
    text = RANDOM.replace("run_cap: 4\n", "")
    text += "exclude: [{opt: rmsprop}]\noverrides: [{match: {lr: 3}, set: {opt: x}}]\n"
    text += "tables: [{only: {opt: nothing}}]\nlabels: {nothing: none}\n"
    assert mistakes(text) == ["4: method: random needs run_cap, the number of points"]


def test_a_mistake_in_a_dotted_parameter_is_not_reported_again_where_cells_are_chosen(
    mistakes,
):
    text = GRID.replace("[0.1, 1]", "[0.1, .nan]").replace("batch-size", "lr")
    assert mistakes(f"{text}exclude: [{{optimizer.lr: 1}}]\n") == [
        "5: optimizer.lr must be a value other than .nan, found .nan"
    ]


def test_all_mistakes_are_reported_together(mistakes):
    text = (
        GRID.replace("val_loss", "''").replace("32", ".nan").replace("[0.1, 1]", "{}")
        + "command: []\nmetrics: {pattern: '('}\nseed: 1\n"
    )
    lines = [problem.partition(":")[0] for problem in mistakes(text)]
    assert lines == ["3", "5", "6", "8", "9", "10"]
