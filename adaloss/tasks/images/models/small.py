"""Two small models of our own, for tests and first sweeps."""

from torch import nn

HIDDEN_UNITS = 128


def build_mlp(channels: int, image_size: int, classes: int) -> nn.Module:
    """A perceptron with two hidden layers of 128 ReLU units."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * image_size**2, HIDDEN_UNITS),
        nn.ReLU(),
        nn.Linear(HIDDEN_UNITS, HIDDEN_UNITS),
        nn.ReLU(),
        nn.Linear(HIDDEN_UNITS, classes),
    )


def build_small_cnn(channels: int, image_size: int, classes: int) -> nn.Module:
    """Two 3×3 convolutions of stride 2 (16 and 32 channels, ReLU) and a linear head."""
    features = 32 * ((image_size + 3) // 4) ** 2
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(features, classes),
    )
