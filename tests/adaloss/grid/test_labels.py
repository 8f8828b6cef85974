"""``labels:`` in a grid: the value of each entry, and every mistake with its line."""

import pytest

from adaloss.grid.mistakes.problems import GridError
from adaloss.grid.sweep import load_sweep
from adaloss.grid.tables.labels import Labels

GRID = """\
name: demo
parameters:
  dataset: digits
  model: [mlp, small_cnn]
  optimizer: [adaloss, sgd_constant]
  b0: [0.01, 1]
  lr: 1
  epochs: 2
  batch_size: 32
  pretrained: false
seeds: [0, 7]
labels:
"""
LINE = GRID.count("\n") + 1


def loaded(tmp_path, labels):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID + labels)
    return load_sweep(path)


def refused(tmp_path, labels):
    with pytest.raises(GridError) as raised:
        loaded(tmp_path, labels)
    return [(problem.line, problem.message) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ('  adaloss: "AdaLoss (ours)"', {"optimizer": {"adaloss": "AdaLoss (ours)"}}),
        ("  0.01: tiny", {"b0": {0.01: "tiny"}}),
        ("  1e-2: tiny", {"b0": {0.01: "tiny"}}),
        ("  b0: {1: usual, 0.01: tiny}", {"b0": {1.0: "usual", 0.01: "tiny"}}),
        ("  seed: {7: lucky}", {"seed": {7: "lucky"}}),
        ("  lr: {1: one}\n  mlp: MLP", {"lr": {1.0: "one"}, "model": {"mlp": "MLP"}}),
        ("  pretrained: {false: from scratch}", {"pretrained": {False: "from scratch"}}),
        ("  model: {mlp: same}\n  optimizer: {adaloss: same}", {
            "model": {"mlp": "same"}, "optimizer": {"adaloss": "same"},
        }),
        ('  mlp: "  two\\n lines "', {"model": {"mlp": "two lines"}}),
        ("  {}", {}),
    ],
)  # fmt: skip
def test_an_entry_labels_the_value_that_is_written_like_its_key(tmp_path, labels, expected):
    assert loaded(tmp_path, labels).labels == Labels(values=expected)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("  b0: initial b₀\n  lr: learning rate", {"b0": "initial b₀", "lr": "learning rate"}),
        ("  seed: run", {"seed": "run"}),
        ("  weight_decay: wd", {"weight_decay": "wd"}),
        ("  b0: {b0: initial b₀}", {"b0": "initial b₀"}),
        ('  optimizer: "  the\n method "', {"optimizer": "the method"}),
        ("  b0: a\n  lr: learning rate\n  model: b", {
            "b0": "a", "lr": "learning rate", "model": "b",
        }),
    ],
)  # fmt: skip
def test_an_entry_labels_the_field_of_this_name(tmp_path, labels, expected):
    assert loaded(tmp_path, labels).labels == Labels(fields=expected)


def test_a_field_has_a_label_among_those_of_its_values(tmp_path):
    labels = loaded(tmp_path, "  optimizer: {optimizer: Method, adaloss: AdaLoss (ours)}").labels
    assert labels == Labels({"optimizer": {"adaloss": "AdaLoss (ours)"}}, {"optimizer": "Method"})


def test_a_grid_without_labels_has_none(tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID.removesuffix("labels:\n"))
    assert load_sweep(tmp_path / "grid.yaml").labels == Labels()


def test_labels_do_not_change_a_trial_id(tmp_path):
    plain = loaded(tmp_path, "  {}").trials
    labelled = loaded(tmp_path, "  adaloss: ours\n  b0: {1: usual, b0: B}").trials
    assert [t.trial_id for t in labelled] == [t.trial_id for t in plain]


@pytest.mark.parametrize(
    ("labels", "line", "message"),
    [
        ("  adalos: x", 0, "labels: no field has the value 'adalos'; did you mean adaloss?"),
        (
            "  mlp: M\n  smal_cnn: x",
            1,
            "no field has the value 'smal_cnn'; did you mean small_cnn?",
        ),
        ("  optimzer: {adaloss: x}", 0, "unknown field 'optimzer'; did you mean optimizer?"),
        ("  b0:\n    1: usual\n    10: large", 2, "no cell has b0: 10; the grid has 0.01, 1"),
        ("  model: {adaloss: x}", 0, "no cell has model: adaloss"),
        ("  1: one", 0, "labels: 1 is a value of "),
        ("  1: one", 0, "name the field, b0: {1: …}"),
        ("  b0: 5", 0, "the label of b0 must be text, found 5; put it in quotes"),
        ("  b0:\n    1: usual\n    b0: ' '", 2, "the label of b0 is empty"),
        ("  b0: speed\n  lr: speed", 1, "speed would stand for the fields lr and b0; give each"),
        ("  b0: lr", 0, "lr would stand for the fields b0 and lr; give each its own"),
        ("  b0: batch_size\n  batch_size: batch", 0, "the fields b0 and batch_size"),
        ("  model: {b0: x}", 0, "no cell has model: b0; the grid has mlp, small_cnn"),
        ("  adaloss: 5", 0, "the label of adaloss must be text, found 5; put it in quotes"),
        ("  adaloss: [a]", 0, "the label of adaloss must be text, found a list"),
        ("  adaloss: null", 0, "the label of adaloss must be text, found nothing"),
        ('  adaloss: " "', 0, "the label of adaloss is empty"),
        (f"  adaloss: {'x' * 101}", 0, "the label of adaloss has 101 characters"),
        (
            "  adaloss: A\n  sgd_constant: A",
            1,
            "A would stand for optimizer sgd_constant and adaloss",
        ),
        ('  adaloss: A\n  sgd_constant: " A "', 1, "give each its own"),
        ("  adaloss: sgd_constant", 0, "would stand for optimizer adaloss and sgd_constant"),
        ('  b0: {1: "0.010"}', 0, "0.010 would stand for b0 1 and 0.01"),
        ("  adaloss: A\n  optimizer: {adaloss: B}", 1, "optimizer adaloss has two labels, A and B"),
        ("  - adaloss", None, "labels must be a mapping"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path, labels, line, message):
    problems = refused(tmp_path, labels)
    assert any(message in text for _, text in problems), problems
    if line is not None:
        assert all(found == LINE + line for found, _ in problems)


def test_a_label_may_equal_what_it_names(tmp_path):
    labels = loaded(tmp_path, "  adaloss: adaloss\n  lr: lr").labels
    assert labels == Labels({"optimizer": {"adaloss": "adaloss"}}, {"lr": "lr"})
