"""Names, paths and tags that would leave their place, or do something, are refused."""

import pytest
from small_grid import GRID

BAD_NAMES = (
    *("../x", "/etc/x", "a/b", r"a\\b", "..", "-x", "", "é", r"a\n", "a b"),
    *(r"\e[2J", r"\u202ea"),
)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_would_leave_the_storage_is_refused(problem_lines, name):
    (message,) = problem_lines(GRID.replace("demo", f'"{name}"'))
    assert message.startswith(
        "1: name must be 1 to 64 letters, digits, dots, dashes and underscores"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("demo", r'"a\0b"', 1),
        ("digits", r'"imagefolder:a\0b"', 3),
        ("mlp", r'"mlp\0"', 4),
        ("lr: 0.1", r'pretrained: "a\0.pth"', 7),
        ("lr: 0.1", r'"lr\0": 0.1', 7),
        ("seeds: 2", r'data: {root: "\0"}', 10),
        ("seeds: 2", r'wandb: {project: "a\0b"}', 10),
        ("seeds: 2", r'wandb: {tags: ["a\x00b"]}', 10),
    ],
)
def test_no_name_or_path_has_a_null_character(problem_lines, old, new, line):
    assert problem_lines(GRID.replace(old, new)) == [f"{line}: the character #x0000 is not allowed"]


@pytest.mark.parametrize(
    "model", ["../mlp", "/etc/passwd", "..", "mlp/../mlp", r'"\e[2J"', r'"\u202emlp"', "os.system"]
)
def test_a_model_that_is_a_path_or_worse_is_unknown(problem_lines, model):
    (message,) = problem_lines(GRID.replace("mlp", model))
    assert message.startswith("4: unknown model '")
    assert message.isprintable()


def test_a_tag_that_would_run_a_program_is_refused(problem_lines, tmp_path):
    tag = f"!!python/object/apply:os.mkdir [{tmp_path / 'made'}]"
    assert problem_lines(GRID.replace("mlp", tag))[0] == (
        "4: YAML tags are not allowed in a grid; remove !!python/object/apply:os.mkdir"
    )
    assert not (tmp_path / "made").exists()
