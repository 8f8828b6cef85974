"""Grids that are too large, in any way, are refused at once."""

from itertools import pairwise, product

import pytest
from small_grid import GRID

from adaloss.grid.points.cell_index import MOST_STEPS
from adaloss.grid.sweep import load_sweep


def test_a_grid_of_too_many_trials_is_refused_before_it_is_expanded(problem_lines):
    values = ", ".join(map(str, range(1, 5001)))
    text = GRID.replace("b0: [0.1, 1]", f"b0: [{values}]").replace("lr: 0.1", f"lr: [{values}]")
    assert problem_lines(text) == [
        "2: the grid has 100,000,000 trials; the most that a sweep may have is 1,000,000"
    ]


def test_extra_cells_count_too(problem_lines):
    values = ", ".join(map(str, range(1, 1001)))
    extra = f"include: [{{optimizer: adaloss, b0: [{values}], lr: [{values}]}}]\n"
    assert problem_lines(GRID + extra) == [
        "2: the grid has 2,000,008 trials; the most that a sweep may have is 1,000,000"
    ]


def test_a_grid_of_a_billion_cells_is_refused_at_once_in_every_form(problem_lines):
    thousand = "[" + ", ".join(map(str, range(1, 1001))) + "]"
    names = ("b0", "lr", "c")
    values = "".join(f"  {name}: {thousand}\n" for name in names)
    plain = GRID.replace("  b0: [0.1, 1]\n", "").replace("  lr: 0.1\n", values)
    point = ", ".join(f"{name}: {thousand}" for name in names)
    seeded = GRID.replace("[0.1, 1]", thousand).replace("lr: 0.1", f"lr: {thousand}")
    for text, trials in (
        (plain, "4,000,000,000"),
        (GRID + f"include: [{{optimizer: adaloss, {point}}}]\n", "2,000,000,008"),
        (seeded.replace("seeds: 2", "seeds: 100000"), "200,000,000,000"),
    ):
        assert problem_lines(text) == [
            f"2: the grid has {trials} trials; the most that a sweep may have is 1,000,000"
        ]


def test_a_grid_of_more_cells_than_fit_into_memory_is_refused(problem_lines):
    values = ", ".join(map(str, range(1, 1001)))
    text = GRID.replace("b0: [0.1, 1]", f"b0: [{values}]").replace("lr: 0.1", f"lr: [{values}]")
    text = text.replace("[adaloss, sgd_constant]", "adaloss").replace("seeds: 2", "seeds: 1")
    assert problem_lines(text) == [
        "2: the grid has 1,000,000 cells; the most that a sweep may have is 100,000"
    ]


def many(section, entry):
    """A grid of 4,000 cells with 1,500 entries in a section: too many pairs to look at each."""
    assert MOST_STEPS < 4000 * 1500
    values = ", ".join(map(str, range(1, 2001)))
    grid = GRID.replace("[0.1, 1]", f"[{values}]").replace("seeds: 2", "seeds: 1")
    return f"{grid}{section}: [{', '.join(entry.format(i=i) for i in range(1, 1501))}]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        many("overrides", "{{match: {{b0: {i}}}, set: {{lr: {i}}}}}"),
        many("exclude", "{{b0: {i}}}"),
    ],
    ids=["overrides", "exclude"],
)
def test_thousands_of_points_are_matched_through_the_index(tmp_path, text):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    assert load_sweep(path).trials


@pytest.mark.slow
def test_overrides_that_would_take_too_long_are_refused(problem_lines):
    assert problem_lines(many("overrides", "{{match: {{lr: 0.1}}, set: {{c: {i}}}}}")) == [
        "11: overrides and exclude select so many cells so often that loading would take too long; "
        "write the values in parameters"
    ]


@pytest.mark.slow
def test_tables_that_would_take_too_long_are_refused(problem_lines):
    (message,) = problem_lines(many("tables", "{{exclude: [{{b0: {i}}}]}}"))
    assert message.endswith(
        "the tables select so many cells so often that loading would take too long"
    )


NAMES = ["".join(letters) for letters in product("abcdefghijklm", repeat=3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        GRID.replace("mlp", f"[{', '.join(NAMES)}]"),
        GRID.replace("  lr: 0.1\n", "  lr: 0.1\n" + "".join(f"  {name}: 1\n" for name in NAMES)),
        GRID + "".join(f"{name}: 1\n" for name in NAMES),
        GRID + "wandb: {tags: [" + ", ".join(f'"{{{name}}}"' for name in NAMES) + "]}\n",
        GRID + "x: [" + ", ".join(f"!{name} 1" for name in NAMES) + "]\n",
        GRID + "tables: [" + ", ".join(["1"] * 5_000) + "]\n",
    ],
    ids=["models", "parameters", "keys", "tags", "YAML tags", "tables"],
)
def test_only_the_first_of_thousands_of_mistakes_are_reported(problem_lines, text):
    messages = problem_lines(text)
    assert len(messages) == 101
    assert messages[-1].endswith(": there are more mistakes; fix these first")


@pytest.mark.parametrize("text", ["1" * 250_000, "1 " * 100_000, "1h" * 100_000])
def test_a_very_long_duration_is_refused(problem_lines, text):
    (message,) = problem_lines(f'{GRID}execution: {{timeout: "{text}"}}\n')
    assert message.startswith("11: execution.timeout must be a time such as 90s, 2h or 1h30m")


@pytest.mark.parametrize(
    "text",
    [
        GRID.replace("mlp", "m" * 200_000),
        GRID.replace("  lr: 0.1\n", "  lr: 0.1\n  ? " + "k" * 200_000 + "\n  : 1\n"),
        GRID + "? " + "k" * 200_000 + "\n: 1\n",
        GRID + "overrides: [{match: {? " + "k" * 200_000 + " : 1}, set: {lr: 1}}]\n",
        GRID + "method: " + "k" * 200_000 + "\n",
        GRID + "x: *" + "k" * 200_000 + "\n",
        GRID + "x: !" + "k" * 200_000 + " 1\n",
        GRID.replace("name: demo", "name: " + "k" * 200_000),
        GRID.replace("digits", "d" * 200_000),
    ],
    ids=["model", "parameter", "key", "field", "method", "alias", "tag", "name", "data set"],
)
def test_a_very_long_name_is_shortened_in_messages(problem_lines, text):
    assert all(len(line) < 2_100 for line in problem_lines(text))


def laughs(first, line):
    """Nine anchors, each of which expands to ten of the one before."""
    names = "abcdefghi"
    lines = [f"a: &a {first}"]
    lines += [line.format(new=new, old=old) for old, new in pairwise(names)]
    return "\n".join(lines) + "\n" + GRID


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "lists of lists": (
            laughs("[1]", "{new}: &{new} [" + ", ".join(["*{old}"] * 10) + "]"),
            "1: aliases expand to more than 100,000 values",
        ),
        "a list below a list": (
            "a: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40)) + GRID,
            "1: aliases nest more than 20 levels deep",
        ),
        "a list of itself": (
            "a: &a [*a]\n" + GRID,
            "1: not valid YAML: *a has no anchor above it",
        ),
        "merged mappings": (
            "a: &a {" + ", ".join(f"k{i}: 1" for i in range(2000)) + "}\n"
            "b: {<<: [" + ", ".join(["*a"] * 2000) + "]}\n" + GRID,
            "2: merge keys add more than 100,000 values",
        ),
        "brackets": ("[" * 200_000, "1: nested more than 20 levels deep"),
        "dashes": ("- " * 100_000, "1: nested more than 20 levels deep"),
        "keys": ("? " * 100_000, "1: a key of the grid is not plain text"),
    }.values(),
)
def test_a_file_that_expands_too_far_is_refused_at_once(problem_lines, text, expected):
    assert problem_lines(text) == [expected]
