import pandas as pd
import pytest

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import FailureKind, Provenance, SplitSizes


def caption(records, spec=None, **changes):
    return records.table(spec or TableSpec(), **changes).caption


def test_a_complete_table_says_what_its_numbers_are(records):
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell([90.0, 91.0], optimizer=optimizer)
    assert caption(records) == (
        "Test top-1 accuracy (%) after the last epoch (2), mean±standard deviation (ddof = 1) "
        "over 2 seeds. Bold: the highest of the row. Code version: v1. Run on 2026-03-01."
    )


def test_the_best_validation_epoch_and_a_loss(records):
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell([90.0], optimizer=optimizer)
    text = caption(records, TableSpec(metric="test/loss", at="best_val"))
    assert text.startswith(
        "Test loss (nats) at the epoch with the best validation accuracy, one trial each. "
        "Bold: the lowest of the row."
    )


def test_nothing_has_run_yet(records):
    records.declare()
    assert caption(records) == (
        "INCOMPLETE: 0 of 1 trials have ended. "
        "Test top-1 accuracy (%) after the last epoch (2), one trial each. "
        "–: no value. Of 1 trials, 1 not finished."
    )


SIZES = SplitSizes(train=1169, validation=269, test=359)


@pytest.mark.parametrize(
    ("metric", "printed"),
    [
        ("test/top1", ", on 359 test images."),
        ("test/loss", ", on 359 test images."),
        ("val/top1", ", on 269 validation images."),
        ("train/loss", ", on 1,169 training images."),
        ("b", "over 2 seeds."),
        ("seconds", "over 2 seeds."),
    ],
)
def test_a_caption_says_on_how_many_images(records, metric, printed):
    for seed in (0, 1):
        records.complete(records.declare(seed=seed), 90.0, examples=SIZES)
    # What has no number says nothing of images.
    records.diverge(records.declare(b0=2))
    text = caption(records, TableSpec(metric=metric))
    assert printed in text.replace("over 1 to 2 seeds", "over 2 seeds")
    assert text.count("images") == printed.count("images")


def test_sizes_that_differ_are_told_one_by_one(records):
    large = SIZES.model_copy(update={"test": 10_000})
    for optimizer in ("adaloss", "sgd_constant"):
        for b0, sizes in ((1, SIZES), (2, SIZES), (3, large)):
            records.complete(records.declare(optimizer=optimizer, b0=b0), 90.0, examples=sizes)
    text = caption(records)
    assert "Test images: 359; 10,000 for b0 = 3." in text
    assert "on 359" not in text


def test_sizes_that_are_not_recorded_are_not_told(records):
    records.complete(records.declare(), 90.0)
    assert "images" not in caption(records)
    records.complete(records.declare(b0=2), 90.0, examples=SIZES)
    assert "Test images: not recorded; 359 for b0 = 2." in caption(records)


def test_seeds_on_different_images_are_told(records):
    for seed, test in ((0, 12), (1, 13)):
        sizes = SIZES.model_copy(update={"test": test})
        records.complete(records.declare(seed=seed), 90.0, examples=sizes)
    assert "Test images: 12, 13, depending on the trial." in caption(records)


@pytest.mark.parametrize(
    ("na_if", "meaning"),
    [
        ("any", "N/A: at least one seed diverged."),
        ("majority", "N/A: more than half of the finished seeds diverged."),
        ("all", "N/A: every finished seed diverged."),
    ],
)
def test_what_not_available_means(records, na_if, meaning):
    records.cell(["diverged", "diverged"])
    text = caption(records, TableSpec(na_if=na_if))
    assert meaning in text
    assert "Of 2 trials, 2 diverged." in text


def test_marks_that_do_not_occur_are_not_explained(records):
    records.cell([90.0, 91.0])
    text = caption(records)
    for mark in ("N/A", "(k/n)", "–", "failed", "Blank", "Bold", "Of 2 trials"):
        assert mark not in text


def test_cells_of_different_sizes_and_blank_ones(records):
    records.cell([90.0, 91.0], b0=1)
    records.cell([90.0, 91.0, 92.0], b0=1, optimizer="sgd_constant")
    records.cell([90.0, 91.0, 92.0], b0=2, optimizer="sgd_constant")
    text = caption(records)
    assert "over 2 to 3 seeds." in text
    assert "Blank: not part of the sweep." in text


def test_failures_are_told_by_kind(records):
    kinds = [FailureKind.CODE, FailureKind.OUT_OF_MEMORY, FailureKind.OUT_OF_MEMORY]
    for seed, kind in enumerate(kinds):
        records.fail(records.declare(seed=seed), kind)
    records.cell([90.0], b0=2)
    assert "Of 4 trials, 3 failed (code: 1, out of memory: 2)." in caption(records)


def test_a_trial_declared_twice_is_counted_once(records):
    for alpha in (1, 2):
        records.declare(optimizer="sgd_constant", alpha=alpha)
    assert "Of 1 trials, 1 not finished." in caption(records)


def test_mixed_code_versions_are_said(records):
    records.complete(records.declare(seed=0), 90.0, code="v2")
    records.complete(records.declare(seed=1), 90.0, code="v1")
    records.diverge(records.declare(seed=2), provenance=None)
    assert "Mixes 3 code versions: unknown, v1, v2." in caption(records)


def test_mixed_versions_of_what_computes_are_said(records):
    def made_with(**packages):
        return Provenance(
            code_version="v1",
            python="3.11",
            packages={"ray": packages["torch"], **packages},
            platform="Linux",
            device="cpu",
            threads=1,
        )

    records.complete(records.declare(seed=0), 90.0, provenance=made_with(torch="2.6", numpy="2.1"))
    records.diverge(records.declare(seed=1), provenance=made_with(torch="2.5", numpy="2.1"))
    # Neither has a number of another version.
    records.fail(records.declare(seed=2), provenance=made_with(torch="2.4", numpy="1.26"))
    records.complete(records.declare(seed=3), 90.0, provenance=None)
    text, bare = (caption(records, TableSpec(provenance=shown)) for shown in (True, False))
    assert "Mixes 2 versions of torch: 2.5, 2.6. Run on " in text
    assert bare.endswith("Mixes 2 versions of torch.")
    assert "numpy" not in text
    assert "ray" not in text


def test_the_days_are_those_of_the_runs(records):
    records.complete(records.declare(seed=0), 90.0, day="2026-03-09")
    records.complete(records.declare(seed=1), 90.0, day="2026-02-27")
    assert caption(records).endswith("Run from 2026-02-27 to 2026-03-09.")


def test_a_field_set_for_one_optimizer_is_told(records):
    for optimizer, lr in (("adaloss", 0.1), ("adagrad_norm", 0.05), ("sgd_constant", 0.1)):
        records.cell([90.0], optimizer=optimizer, lr=lr)
    assert "lr: 0.1; 0.05 for adagrad_norm." in caption(records)


def test_a_field_set_for_one_row_is_told(records):
    for b0, lr in ((0.1, 0.5), (1, 0.5), (10, 1e-5)):
        records.cell([90.0], b0=b0, lr=lr)
    assert "lr: 0.5; 0.00001 for b0 = 10." in caption(records)


def test_a_field_set_for_one_cell_is_told(records):
    for b0 in (1, 2):
        for optimizer in ("adaloss", "sgd_constant"):
            lr = 0.05 if (b0, optimizer) == (2, "adaloss") else 0.1
            records.cell([90.0], b0=b0, optimizer=optimizer, lr=lr)
    assert "lr: 0.1, 0.05, depending on the cell." in caption(records)


def test_a_field_set_for_one_table_is_told_in_each(records):
    for model, lr in (("vit", 0.1), ("mlp", 0.2)):
        records.cell([90.0], model=model, lr=lr)
    vit, mlp = records.tables()
    assert "lr: 0.1. " in vit.caption
    assert "lr: 0.2. " in mlp.caption


def test_a_field_that_only_fixes_is_told(records):
    for model in ("vit", "mlp"):
        records.cell([90.0], model=model)
    spec = TableSpec(per=(), only={"model": ("vit",)}, title="One of two")
    assert "model: vit." in caption(records, spec)


def test_a_field_that_applies_to_no_trial_of_the_table_is_not_told(records):
    records.cell([90.0], optimizer="sgd_constant", alpha=0.5, model="vit")
    records.cell([90.0], optimizer="adaloss", alpha=1, model="mlp")
    records.cell([90.0], optimizer="adaloss", alpha=2, model="mlp", b0=2)
    vit, mlp = records.tables()
    assert "alpha" not in vit.caption
    assert "alpha: 1; 2 for b0 = 2." in mlp.caption


def test_epochs_that_differ_are_told_per_optimizer(records):
    records.cell([90.0], optimizer="adaloss", epochs=2)
    records.cell([90.0], optimizer="sgd_constant", epochs=4)
    text = caption(records)
    assert "after the last epoch, one trial each." in text
    assert "epochs: 2; 4 for sgd_constant." in text


def test_code_version_and_date_can_leave_the_caption(records):
    records.cell([90.0], b0=1)
    plain, bare = records.tables(TableSpec(), TableSpec(provenance=False))
    assert "Code version: v1. Run on 2026-03-01." in plain.caption
    assert plain.caption.startswith(bare.caption)
    assert "version" not in bare.caption
    assert "2026" not in bare.caption


def test_that_versions_are_mixed_is_said_all_the_same(records):
    records.cell([90.0], b0=1)
    frame = records.frame()
    other = frame.assign(b0=2.0, trial_id="other", code_version="v2")
    both = pd.concat([frame, other], ignore_index=True)
    (table,) = records.tables(TableSpec(provenance=False), frame=both)
    assert "Mixes 2 code versions." in table.caption
    assert "v2" not in table.caption
