"""All mistakes of a file are reported at once, in order; what is no grid file is refused."""

import re

import pytest
from small_grid import DATASETS, FIELDS, GRID, OPTIMIZERS

from adaloss.errors import UserError
from adaloss.grid.sweep import GridError, load_sweep


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "empty": ("", "1: the file is empty; a grid needs at least parameters"),
        "comments": (
            "# a\n# b\n",
            "1: the file is empty; a grid needs at least parameters",
        ),
        "list": (
            "\n- name: demo\n",
            "2: a grid is a mapping with keys such as name and parameters, found a list",
        ),
        "text": (
            "demo\n",
            "1: a grid is a mapping with keys such as name and parameters, found the text 'demo'",
        ),
        "no parameters": ("name: demo\n", "1: parameters is missing"),
        "parameters left empty": (
            "name: demo\nparameters:\n\nseeds: 1\n",
            "2: parameters must be a mapping, found nothing",
        ),
        "list of parameters": (
            "name: demo\nparameters: [lr]\n",
            "2: parameters must be a mapping, found a list",
        ),
        "not UTF-8": (
            GRID.encode() + "description: Größe\n".encode("latin-1"),
            "11: the byte 0xf6 is not UTF-8; save the file as UTF-8 text",
        ),
        "UTF-16": (
            GRID.encode("utf-16-le"),
            "1: not valid YAML: the character #x0000 is not allowed",
        ),
        "UTF-16 with its mark": (
            GRID.encode("utf-16"),
            "1: the byte 0xff is not UTF-8; save the file as UTF-8 text",
        ),
    }.values(),
)
def test_a_file_that_is_not_a_grid(problem_lines, text, expected):
    assert problem_lines(text) == [expected]


def test_every_mistake_of_a_file_is_reported_in_the_order_of_its_lines(problem_lines):
    assert problem_lines(
        "name: my sweep\n"
        "method: random\n"
        "parameters:\n"
        "  dataset: digit\n"
        "  model: [mlp, mlp2]\n"
        "  optimizer: [adaloss, adalos]\n"
        "  b0:\n"
        "    - 0.1\n"
        "    - 0\n"
        '    - "1"\n'
        "  lr: [0.1, 0.1]\n"
        "  momentun: 0.9\n"
        "  momentum: !!str 0\n"
        "  epochs: 2\n"
        "  epochs: 3\n"
        "seeds: 0\n"
        "overrides:\n"
        "  - match: {optimiser: adaloss}\n"
        "    set: {lr: -1}\n"
        "exclude: [{weight_decay: no}]\n"
        "execution: {retry: 1, timeout: soon}\n"
        "tables: [{rows: bo}]\n"
    ) == [
        "1: name must be 1 to 64 letters, digits, dots, dashes and underscores, starting with a "
        "letter or digit, found the text 'my sweep'",
        "2: method 'random' is not supported: a table needs every cell of the grid, and a "
        "sampled search would bias it; write method: grid",
        "3: parameters.batch_size is missing",
        f"4: dataset must be {DATASETS}, found the text 'digit'; did you mean digits?",
        "5: unknown model 'mlp2'; did you mean mlp?",
        f"6: optimizer must be {OPTIMIZERS}, found the text 'adalos'; did you mean adaloss?",
        "9: b0 must be greater than 0, found 0",
        "10: b0 must be a number, found the text '1'; remove the quotes",
        "11: lr has the value 0.1 twice; remove one",
        "12: unknown parameter 'momentun'; did you mean momentum?",
        "13: YAML tags are not allowed in a grid; remove !!str",
        "15: duplicate key 'epochs'; it is already on line 14",
        "16: seeds must be a count of seeds from 1 to 100,000, or a list of them, found 0",
        "18: unknown field 'optimiser'; did you mean optimizer?",
        "19: lr must be at least 0, found -1",
        "20: weight_decay must be a number, found the text 'no'",
        "21: execution.timeout must be a time such as 90s, 2h or 1h30m, or seconds above 0, "
        "found the text 'soon'",
        "21: unknown key 'retry'; did you mean retries?",
        f"22: tables[0].rows must be a field of a trial, found the text 'bo'; known: {FIELDS}",
    ]


def test_cells_are_checked_despite_mistakes_in_other_fields(problem_lines):
    text = GRID.replace("lr: 0.1", "lr: fast") + "retries: 1\nexclude: [{b0: 5}]\n"
    assert problem_lines(text) == [
        "7: lr must be a number, found the text 'fast'",
        "11: unknown key 'retries'; did you mean execution.retries?",
        "12: no cell has b0: 5; the grid has 0.1, 1",
    ]


def test_a_mistake_causes_no_follow_up_errors(problem_lines):
    text = GRID.replace("[adaloss,", "[adalos,").replace("mlp", "mpl")
    follow = "exclude: [{optimizer: adaloss}]\noverrides: [{match: {model: mlp}, set: {lr: 1}}]\n"
    assert [line.split(":")[0] for line in problem_lines(text + follow)] == ["4", "5"]


def test_problems_have_their_line_key_and_message(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID.replace("[0.1, 1]", "[0.1, 0]") + "tables: [{rows: b1}]\n")
    with pytest.raises(GridError) as caught:
        load_sweep(path)
    first, second = caught.value.problems
    assert (first.line, first.key) == (6, "parameters.b0[1]")
    assert first.message == "b0 must be greater than 0, found 0"
    assert (second.line, second.key) == (11, "tables[0].rows")
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "this is a folder, not a grid file"),
        (
            lambda path: path.write_text("#" * 300_000),
            "larger than 256 KiB; this is not a grid file",
        ),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_a_path_that_is_not_a_grid_file(tmp_path, make, expected):
    path = tmp_path / "grid.yaml"
    make(path)
    with pytest.raises(GridError, match=f"^{re.escape(str(path))}: {expected}$"):
        load_sweep(path)
