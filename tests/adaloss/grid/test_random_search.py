"""``method: random`` draws the same list of points each time."""

from program_grids import NO_SEEDS, RANDOM, values, with_parameters


def test_a_random_search_draws_the_same_points_each_time(load):
    sweep = load(RANDOM)
    parameters = [dict(trial.parameters) for trial in sweep.trials]
    assert parameters == [dict(trial.parameters) for trial in load(RANDOM, "other.yaml").trials]
    assert len({trial.trial_id for trial in sweep.trials}) == len(parameters) == 6
    assert all(1e-4 <= each["lr"] <= 1e-1 for each in parameters)
    assert {each["layers"] for each in parameters} <= {1, 2, 3, 4}
    assert {each["model"] for each in parameters} <= {"small", "large"}
    assert sweep.grid.run_cap is None
    assert sweep.notes == (NO_SEEDS,)


def test_the_points_depend_on_the_seed_of_the_search(load):
    zero, one = (values(load(f"{RANDOM}seed: {seed}\n"), "lr") for seed in (0, 1))
    assert zero == values(load(RANDOM), "lr")
    assert not set(zero) & set(one)


def test_a_larger_run_cap_adds_points(load):
    few, many = load(RANDOM), load(RANDOM.replace("run_cap: 6", "run_cap: 40"))
    assert many.trials[:6] == few.trials
    assert len(many.trials) == 40


def test_a_further_parameter_changes_no_value_of_the_others(load):
    more = load(RANDOM.replace("parameters:\n", "parameters:\n  dropout: {min: 0.0, max: 0.5}\n"))
    assert values(more, "lr", "layers", "model") == values(load(RANDOM), "lr", "layers", "model")


def test_every_point_has_every_seed(load):
    sweep = load(RANDOM + "seeds: [5, 9]\n")
    assert [trial.seed for trial in sweep.trials] == [5] * 6 + [9] * 6
    assert values(sweep, "lr")[:6] == values(sweep, "lr")[6:] == values(load(RANDOM), "lr")


def test_fewer_points_than_run_cap_are_noted(load):
    sweep = load(with_parameters("model: [a, b]", "size: {min: 1, max: 2}", grid=RANDOM))
    assert len(sweep.trials) == 4
    assert sweep.notes == (NO_SEEDS, "run_cap is 6, but only 4 different points were found")


def test_drawn_points_may_be_overridden_excluded_and_joined_by_others(load):
    plain = values(load(RANDOM), "lr", "layers", "model")
    sweep = load(
        RANDOM
        + "overrides: [{match: {model: large}, set: {layers: 9}}]\n"
        + "exclude: [{model: small}]\n"
        + "include: [{model: huge, lr: 1, layers: [1, 2]}]\n"
    )
    large = [(lr, 9, "large") for lr, _, model in plain if model == "large"]
    assert 0 < len(large) < 6
    assert values(sweep, "lr", "layers", "model") == [*large, (1, 1, "huge"), (1, 2, "huge")]


def test_the_table_of_a_random_search_has_a_row_for_each_point(load):
    (table,) = load(RANDOM).tables
    assert (table.rows, table.columns, table.per) == ("point", "program", ())
    (table,) = load(f"{RANDOM}tables: [{{rows: layers, columns: model, tune: lr}}]\n").tables
    assert (table.rows, table.columns, table.tune) == ("layers", "model", ("lr",))


def test_an_entry_of_tables_without_axes_has_the_points_too(load):
    (table,) = load(RANDOM + "tables: [{metric: accuracy}]\n").tables
    assert (table.rows, table.columns, table.per, table.metric) == (
        "point", "program", (), "accuracy",
    )  # fmt: skip


def test_an_entry_of_tables_with_axes_has_these(load):
    (table,) = load(RANDOM + "tables: [{rows: layers, columns: model, per: lr}]\n").tables
    assert (table.rows, table.columns, table.per) == ("layers", "model", ("lr",))


def test_a_grid_of_a_program_may_rank_its_points(load):
    grid = with_parameters("lr: [0.1, 1]", "size: [1, 2]")
    (table,) = load(f"{grid}tables: [{{rows: point, columns: program}}]\n").tables
    assert table.ranks_points
