"""Figures of benchmarks that do not depend on the machine."""

import pytest


def test_trials_that_share_a_gpu_are_compared_with_one_alone(load, monkeypatch):
    shared_gpu = load("shared_gpu")
    rates = {1: 100.0, 4: 98.0, 8: 96.0}
    monkeypatch.setattr(shared_gpu, "together", lambda model, trials, *, compiled: rates[trials])
    monkeypatch.setenv("PATH", "")  # So that NVIDIA's service is not started.
    rows = shared_gpu.measure("cifar_resnet20", [4, 8], compiled=False)
    assert [(row["trials"], row["to_one_alone"]) for row in rows] == [
        (1, 1.0),
        (4, 0.98),
        (8, 0.96),
    ]


def test_the_operations_of_a_vision_transformer_are_those_of_its_products(load):
    tokens, width, blocks, classes = 197, 384, 12, 100
    linear = 12 * width**2 * tokens * blocks
    attention = 2 * tokens**2 * width * blocks
    forward = linear + attention + width * classes
    # Backward has two products for each; nothing is backpropagated into images.
    patches = 3 * 16**2 * width * (tokens - 1)
    expected = 2 * (3 * forward + 2 * patches)
    counted = load("train_throughput").flops_per_image("vit_small_patch16_224")
    assert counted == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("card", "bf16"),
    [
        ("NVIDIA H200", 989.0),
        ("NVIDIA H100 80GB HBM3", 989.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H100 NVL", 835.0),
        ("NVIDIA A100-SXM4-40GB", 312.0),
    ],
)
def test_a_card_has_the_peaks_of_its_own_kind(load, card, bf16):
    assert load("train_throughput").peaks_of(card)["bf16"] == bf16


def test_a_card_that_is_not_listed_has_no_peak(load):
    assert load("train_throughput").peaks_of("NVIDIA RTX A6000") == {}
