"""Optimizers and their hyperparameters in a grid: which exist, and what each of them takes."""

import pytest

from adaloss.grid.sweep import GridError, load_sweep

GRID = """\
name: optimizers
parameters:
  dataset: digits
  model: mlp
  lr: 0.1
  epochs: 1
  batch_size: 8
  {more}
seeds: 1
"""


@pytest.fixture
def load(tmp_path):
    def load_grid(*more):
        path = tmp_path / "grid.yaml"
        path.write_text(GRID.format(more="\n  ".join(more)))
        return load_sweep(path)

    return load_grid


@pytest.fixture
def mistakes(load):
    def of(*more):
        with pytest.raises(GridError) as error:
            load(*more)
        return [f"{problem.line}: {problem.message}" for problem in error.value.problems]

    return of


def test_a_hyperparameter_goes_to_those_that_take_it(load):
    sweep = load(
        "optimizer: [adaloss, sgd, adamw, torch.optim:RAdam]",
        "optimizer.betas: {values: [[0.9, 0.95], [0.9, 0.999]]}",
    )
    low, high = (("betas", (0.9, 0.95)),), (("betas", (0.9, 0.999)),)
    assert [(trial.optimizer, trial.hyperparameters) for trial in sweep.trials] == [
        ("adaloss", ()), ("sgd", ()),
        ("adamw", low), ("adamw", high), ("radam", low), ("radam", high),
    ]  # fmt: skip
    assert len({trial.trial_id for trial in sweep.trials}) == 6
    assert sweep.trials[0].value("optimizer.betas") is None


def test_nested_parameters_of_wandb_are_the_same(load):
    nested = load(
        "optimizer: {parameters: {name: {values: [adamw]}, eps: {value: 1e-6}, "
        "betas: {value: [0.9, 0.95]}}}"
    )
    plain = load("optimizer: adamw", "optimizer.eps: 1e-6", "optimizer.betas: {value: [0.9, 0.95]}")
    assert [t.trial_id for t in nested.trials] == [t.trial_id for t in plain.trials]


def test_tables_have_hyperparameters_as_axes(load):
    sweep = load("optimizer: adamw", "optimizer.eps: [1e-8, 1e-6]", "b0: [1, 10]")
    (table,) = sweep.tables
    assert {table.rows, table.columns} == {"b0", "optimizer.eps"}


def test_overrides_and_includes_set_hyperparameters(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(
        GRID.format(more="optimizer: [adamw, adam]\n  optimizer.eps: 1e-8")
        + "overrides: [{match: {optimizer: adam}, set: {optimizer.eps: 1e-5}}]\n"
        + "include: [{optimizer: adamw, optimizer.amsgrad: true}]\n"
    )
    found = {trial.hyperparameters for trial in load_sweep(path).trials}
    assert found == {
        (("eps", 1e-8),),
        (("eps", 1e-5),),
        (("amsgrad", True), ("eps", 1e-8)),
    }


def test_a_rate_is_for_the_optimizers_without_their_own(load):
    sweep = load("optimizer: [adaloss, adamw]", "rate: [constant, adaloss]")
    assert len(sweep.trials) == 4
    assert len({trial.trial_id for trial in sweep.trials}) == 3


def test_momentum_that_is_not_set_is_the_optimizers_own(load):
    sweep = load("optimizer: [adaloss, sgd, muon]")
    assert [trial.momentum for trial in sweep.trials] == [0.0, 0.0, 0.95]
    sweep = load("optimizer: [sgd, muon]", "momentum: 0")
    assert [trial.momentum for trial in sweep.trials] == [0.0, 0.0]
    sweep = load("optimizer: schedulefree:SGDScheduleFree", "momentum: 0.8")
    assert sweep.trials[0].hyperparameters == (("momentum", 0.8),)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            ["optimizer: [adaloss, adamv]"],
            ["8: optimizer must be 'adaloss', ", "found the text 'adamv'"],
        ),
        (
            ["optimizer: torch.optim:AdamV"],
            ["8: optimizer torch.optim:AdamV: torch.optim has no class AdamV; did you mean Adam"],
        ),
        (
            ["optimizer: torch:AdamW"],
            ["8: optimizer torch:AdamW: torch has no class AdamW: write torch.optim:AdamW"],
        ),
        (
            ["optimizer:", "  - nowhere:Adam"],
            ["9: optimizer nowhere:Adam: there is no module nowhere in "],
        ),
        (
            ["optimizer: heavyball:ForeachSOAP"],
            ["8: optimizer heavyball:ForeachSOAP needs a package: pip install heavyball"],
        ),
        (
            ["optimizer: [timm:lamb, timm:nadamv]"],
            ["8: optimizer timm:nadamv: timm has no optimizer nadamv; did you mean nadam"],
        ),
        (
            ["optimizer: timm:kron", "optimizer.eps: 1e-8"],
            ["9: no optimizer of the grid takes eps"],
        ),
        (
            ["optimizer: timm:lamb", "optimizer.layer_decay: 0.7"],
            ["9: no optimizer of the grid takes layer_decay"],
        ),
        (
            ["optimizer: [sgd, adamw]", "optimizer.beta: 1"],
            ["9: no optimizer of the grid takes beta; did you mean betas?"],
        ),
        (
            ["optimizer: pytorch_optimizer:Lion", "optimizer.beta2: 0.9"],
            ["9: no optimizer of the grid takes beta2; did you mean betas?"],
        ),
        (
            ["optimizer: adaloss", "optimizer.betas: 1"],
            ["9: optimizer.betas is for named optimizers such as adamw, and the grid has none"],
        ),
        (
            ["optimizer: lbfgs", "rate: adaloss"],
            ["8: optimizer lbfgs computes the loss several times a step"],
        ),
        (
            ["optimizer: [adamw, lbfgs]", "weight_decay: 0.1"],
            ["8: optimizer lbfgs has no weight_decay: set it to 0 there with an override"],
        ),
        (
            ["optimizer: [adamw, 'schedulefree:SGDScheduleFree']", "average: polynomial"],
            ["9: optimizer schedulefree:SGDScheduleFree has weights of its own for evaluation: "],
        ),
        (
            ["optimizer: [adamw, timm:lamb]", "optimizer.eps: [1.0e-8, tiny]"],
            ["9: optimizer.eps must be a number, found the text 'tiny'"],
        ),
        (
            ["optimizer: adamw", "optimizer.amsgrad: no"],
            ["9: optimizer.amsgrad must be true or false, found the text 'no'; write false"],
        ),
        (
            ["optimizer: [adamw, sgd]", "optimizer.maximize: 'false'"],
            ["9: optimizer.maximize must be true or false, found the text 'false'; remove the"],
        ),
        (
            ["optimizer: adamw", "optimizer.foreach: off"],
            ["9: optimizer.foreach is the text 'off'; write false, or put it in quotes if text is"],
        ),
        (
            ["optimizer: adamw", "optimizer.foreach: None"],
            ["9: optimizer.foreach is the text 'None'; leave it out for the optimizer's own"],
        ),
        (
            ["optimizer: [adaloss, adamloss]", "rate: adaloss"],
            ["9: rate is for named optimizers such as adamw, and the grid has none that takes one"],
        ),
        (["optimizer: adamm"], ["8: optimizer must be ", "; did you mean adam?"]),
        (
            ["optimizer: torch.optim.AdamW"],
            ["8: optimizer must be written as torch.optim:AdamW, with a colon before the class"],
        ),
        (
            ["optimizer: schedulefre:SGDScheduleFree"],
            ["there is no module schedulefre in ", "; did you mean schedulefree?"],
        ),
        (
            ["optimizer: adamw", "warmup: 1.5"],
            ["9: warmup must be a share of all steps below 1, or a whole number of steps"],
        ),
        (["optimizer: adamw", "rate: fast"], ["9: rate must be 'constant', 'adaloss', "]),
        (["optimizer: adamw", "hyperparameters: 1"], ["9: hyperparameters is not a parameter: "]),
    ],
)
def test_a_mistake_is_named_with_its_line(mistakes, more, expected):
    (message,) = mistakes(*more)
    assert [text for text in expected if text not in message] == []


def test_each_mistake_of_a_list_is_named_with_its_own_line(mistakes):
    listed = ["optimizer:", "  - adamm", "  - adamw", "  - nowhere:Adam"]
    assert [text.partition(" must be ")[0] for text in mistakes(*listed)[:1]] == ["9: optimizer"]
    (_, missing) = mistakes(*listed)
    assert missing.startswith("11: optimizer nowhere:Adam: there is no module nowhere")
    texts = ["optimizer: sgd", "momentum: 0.9", "optimizer.nesterov:", "  - true", "  - no"]
    assert [text.partition(":")[0] for text in mistakes(*texts)] == ["12"]


def test_a_text_is_no_switch_in_overrides_and_includes_either(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(
        GRID.format(more="optimizer: [adamw, adam]")
        + "overrides: [{match: {optimizer: adam}, set: {optimizer.eps: tiny}}]\n"
        + "include: [{optimizer: adamw, optimizer.amsgrad: yes}]\n"
    )
    with pytest.raises(GridError) as error:
        load_sweep(path)
    assert [f"{p.line}: {p.message}" for p in error.value.problems] == [
        "10: optimizer.eps must be a number, found the text 'tiny'",
        "11: optimizer.amsgrad must be true or false, found the text 'yes'; write true",
    ]


def test_an_included_optimizer_takes_hyperparameters_too(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(
        GRID.format(more="optimizer: adaloss\n  optimizer.eps: 1e-6")
        + "include: [{optimizer: adamw}]"
    )
    ours, theirs = load_sweep(path).trials
    assert (ours.hyperparameters, theirs.hyperparameters) == ((), (("eps", 1e-6),))


def test_a_hyperparameter_that_the_grid_does_not_set_selects_nothing(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID.format(more="optimizer: adamw") + "exclude: [{optimizer.eps: 1e-8}]\n")
    with pytest.raises(GridError) as error:
        load_sweep(path)
    assert [p.message for p in error.value.problems] == [
        "no cell has optimizer.eps: the grid does not set it"
    ]


@pytest.mark.parametrize("order", ["schedulefree:SGDScheduleFree, sgd", "sgd, timm:lars"])
def test_momentum_as_an_argument_of_some_is_missing_for_the_others(load, order):
    sweep = load(f"optimizer: [{order}]", "momentum: 0.9")
    given = {t.optimizer: (t.momentum, t.value("optimizer.momentum")) for t in sweep.trials}
    (own,) = given.keys() - {"sgd"}
    assert given["sgd"] == (0.9, None)
    assert given[own][1] == 0.9


OUTSIDE = "b0 must be between 1e-160 and 1e154, so that b0² is above 0 and finite, found "


@pytest.mark.parametrize(
    ("optimizer", "more", "found"),
    [
        ("adaloss", "b0: [1, 1e-170]", "9: " + OUTSIDE + "1e-170"),
        ("[adamw, adagrad_norm_rowwise]", "b0: 1e200", "9: " + OUTSIDE + "1e+200"),
        ("adamw", "b0: 1e200\n  rate: decay_sqrt", "9: " + OUTSIDE + "1e+200"),
        ("[adamw, adamloss]", "b0: 1e200", "9: " + OUTSIDE + "1e+200"),
    ],
)
def test_a_b0_from_which_no_rate_can_start_is_refused(mistakes, optimizer, more, found):
    assert mistakes(f"optimizer: {optimizer}", more) == [found]


def test_such_a_b0_is_named_where_it_is_included(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID.format(more="optimizer: adaloss") + "include:\n- {b0: 1e-170}\n")
    with pytest.raises(GridError) as error:
        load_sweep(path)
    assert f"{path}:11: {OUTSIDE}1e-170" in str(error.value)


def test_results_with_such_a_b0_stay_readable_with_a_note(load, tmp_path):
    (tmp_path / "trials" / "one").mkdir(parents=True)
    (tmp_path / "trials" / "one" / "trial.json").touch()
    sweep = load("optimizer: adaloss", "b0: [1, 1e-170]")
    assert sweep.notes == (f"{OUTSIDE}1e-170",)


def test_a_constant_rate_of_other_optimizers_divides_by_any_b0(load):
    sweep = load("optimizer: [adamw, paper_adam]", "b0: [1e-170, 1e200]")
    assert {trial.b0 for trial in sweep.trials} == {1e-170, 1e200}


def test_a_class_without_a_learning_rate_has_no_rate(mistakes, tmp_path):
    (tmp_path / "free.py").write_text("class Free:\n    def __init__(self, params): ...\n")
    (message,) = mistakes("optimizer: free:Free", "b0: [1, 10]")
    assert message == (
        "8: optimizer free:Free has no lr: write lr: 1 and b0: 1 for it, and no rate"
    )


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            "overrides: [{match: {optimizer: adamw}, set: {optimizer.epss: 0.1}}]",
            "10: no optimizer of these cells takes epss",
        ),
        (
            "include: [{optimizer: 'schedulefree:SGDScheduleFree', average: polynomial}]",
            "10: optimizer schedulefree:SGDScheduleFree has weights of its own for evaluation",
        ),
        (
            "include: [{optimizer: 'nosuch:Thing'}]",
            "10: optimizer nosuch:Thing: there is no module nosuch in",
        ),
        (
            "overrides: [{match: {optimizer: adamw}, set: {optimizer.lr: 5}}]",
            "10: write lr instead of optimizer.lr",
        ),
    ],
)
def test_a_mistake_outside_of_the_parameters_is_named_too(tmp_path, sections, message):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID.format(more="optimizer: adamw") + sections)
    with pytest.raises(GridError) as error:
        load_sweep(path)
    assert message in str(error.value)


def test_optimizers_by_timms_names_take_the_arguments_of_their_classes(load):
    sweep = load(
        "optimizer: [timm:lambc, 'timm:sgd', 'timm:adadelta']",
        "optimizer.trust_clip: false",
        "momentum: 0.8",
    )
    assert [dict(trial.hyperparameters) for trial in sweep.trials] == [
        {"trust_clip": False},
        {"momentum": 0.8},
        {},
    ]


def test_alpha_of_a_constructor_is_not_adaloss_alpha(load):
    sweep = load("optimizer: [adaloss, rmsprop, adamw]", "optimizer.alpha: 0.9", "alpha: [1, 2]")
    found = {(t.optimizer, t.alpha, t.hyperparameters) for t in sweep.trials}
    argument = (("alpha", 0.9),)
    assert found == {
        *(("adaloss", alpha, ()) for alpha in (1.0, 2.0)),
        *(("rmsprop", alpha, argument) for alpha in (1.0, 2.0)),
        *(("adamw", alpha, ()) for alpha in (1.0, 2.0)),
    }
    assert len({trial.trial_id for trial in sweep.trials}) == 4
    assert sweep.notes[0] == (
        "optimizer.alpha is an argument of an optimizer here, not the field alpha"
    )


@pytest.mark.parametrize(
    "more",
    [
        ["optimizer: rmsprop", "optimizer.alpha: 0.9"],
        ["optimizer: {values: [rmsprop]}", "optimizer.alpha: {value: 0.9}"],
        ["optimizer: {parameters: {name: {value: 'torch.optim:RMSprop'}, alpha: {value: 0.9}}}"],
    ],
)
def test_alpha_of_rmsprop_is_set_in_every_form(load, more):
    (trial,) = load(*more).trials
    assert (trial.alpha, trial.hyperparameters) == (1.0, (("alpha", 0.9),))


@pytest.mark.parametrize("optimizer", ["adaloss", "[adaloss, adamw]"])
def test_alpha_is_the_field_where_no_constructor_takes_it(load, optimizer):
    sweep = load(f"optimizer: {optimizer}", "optimizer.alpha: 0.9")
    assert {(trial.alpha, trial.hyperparameters) for trial in sweep.trials} == {(0.9, ())}
    assert "optimizer.alpha is read as alpha" in sweep.notes


def test_overrides_excludes_and_tables_know_alpha_of_a_constructor(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(
        GRID.format(more="optimizer: [adaloss, rmsprop]\n  optimizer.alpha: [0.9, 0.95]")
        + "overrides: [{match: {optimizer.alpha: 0.95}, set: {optimizer.alpha: 0.99}}]\n"
        + "exclude: [{optimizer: adaloss, optimizer.alpha: 0.9}]\n"
        + "include: [{optimizer: asgd, optimizer.alpha: 0.5}]\n"
        + "tables: [{rows: optimizer.alpha, columns: optimizer}]\n"
    )
    found = {trial.hyperparameters for trial in load_sweep(path).trials}
    assert found == {(), (("alpha", 0.9),), (("alpha", 0.99),), (("alpha", 0.5),)}


def test_what_every_constructor_gets_from_a_field_is_the_field(load):
    dotted = ("optimizer.momentum: 0.8", "optimizer.weight_decay: 0.2")
    nested = "optimizer: {parameters: {name: {value: sgd}, momentum: {value: 0.8}, "
    nested += "weight_decay: {value: 0.2}}}"
    (trial,) = load("optimizer: sgd", *dotted).trials
    assert (trial.momentum, trial.weight_decay, trial.hyperparameters) == (0.8, 0.2, ())
    assert load(nested).trials == (trial,)


def test_a_field_under_both_of_its_names_is_a_mistake(mistakes):
    (message,) = mistakes("optimizer: sgd", "optimizer.lr: 0.3")
    assert message == "9: lr and optimizer.lr are both lr: leave one out"


@pytest.mark.parametrize(
    "section", ["exclude: [{NAME: 0.1}]", "include: [{NAME: 0.1}]", "tables: [{rows: NAME}]"]
)
@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
def test_a_field_has_its_own_name_outside_of_the_parameters(tmp_path, section, name):
    path = tmp_path / "grid.yaml"
    more = section.replace("NAME", f"optimizer.{name}")
    path.write_text(GRID.format(more="optimizer: [sgd, adamw]") + more)
    with pytest.raises(GridError) as error:
        load_sweep(path)
    assert f"write {name} instead of optimizer.{name}" in str(error.value)


def test_null_is_no_hyperparameter(mistakes):
    (message,) = mistakes("optimizer: adamw", "optimizer.eps: {values: [null, 1e-8]}")
    assert message == (
        "9: optimizer.eps cannot be null: leave it out for the optimizer's own default"
    )


BOTH = "optimizer.fused has both true and 1, which tables cannot tell apart: "


@pytest.mark.parametrize(
    ("parameters", "sections", "message"),
    [
        ("optimizer.fused: [true, 1]", "", BOTH),
        (
            "optimizer.fused: true",
            "overrides: [{match: {lr: 0.1}, set: {optimizer.fused: 1.0}}]",
            BOTH,
        ),
        ("optimizer.fused: true", "include: [{lr: 1, optimizer.fused: 1}]", BOTH),
        ("optimizer.fused: true", "exclude: [{lr: 1, optimizer.fused: 1}]", BOTH),
        ("optimizer.betas: {values: [[0, 0.9], [false, 0.9]]}", "", "optimizer.betas has both "),
        ("optimizer.eps: [1, 1.0]", "", "optimizer.eps has the value 1 twice"),
    ],
)
def test_true_and_1_are_not_one_value(tmp_path, parameters, sections, message):
    path = tmp_path / "grid.yaml"
    text = GRID.replace("lr: 0.1", "lr: [0.1, 1]")
    path.write_text(text.format(more=f"optimizer: adamw\n  {parameters}") + sections)
    with pytest.raises(GridError) as error:
        load_sweep(path)
    assert message in str(error.value)


def test_1_and_1_point_0_are_one_value(tmp_path):
    path = tmp_path / "grid.yaml"
    more = "include: [{optimizer: adamw, lr: 0.1, optimizer.eps: 1.0}]"
    path.write_text(GRID.format(more="optimizer: adamw\n  optimizer.eps: 1") + more)
    assert len(load_sweep(path).trials) == 1


def test_momentum_goes_to_a_class_whose_constructor_is_not_shown(load, tmp_path):
    (tmp_path / "sub.py").write_text("import torch\nclass Sub(torch.optim.SGD): pass\n")
    sweep = load("optimizer: sub:Sub", "momentum: [0.5, 0.9]")
    assert [dict(trial.hyperparameters)["momentum"] for trial in sweep.trials] == [0.5, 0.9]


def test_a_name_is_for_a_constructor_that_takes_any_only_if_it_looks_it_up(load, tmp_path):
    (tmp_path / "any.py").write_text(
        "class Any:\n    def __init__(self, params, lr, **others): self.others = {**others}\n"
    )
    sweep = load(
        "optimizer: [adamw, pytorch_optimizer:Lion, any:Any]",
        "optimizer.cautious: true",
        "optimizer.amsgrad: true",
        "momentum: 0.9",
    )
    assert [dict(trial.hyperparameters) for trial in sweep.trials] == [
        {"amsgrad": True},
        {"cautious": True},
        {"amsgrad": True, "cautious": True, "momentum": 0.9},
    ]


def test_a_grid_without_named_optimizers_keeps_its_ids(load):
    (trial,) = load("optimizer: adaloss").trials
    assert trial.trial_id == "c7b1107adba7"
