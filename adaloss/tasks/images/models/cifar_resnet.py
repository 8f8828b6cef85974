"""The residual network for CIFAR with 20 layers.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015,
section 4.2. Parameters have the names of the checkpoints that
github.com/akamaster/pytorch_resnet_cifar10 publishes (BSD-2-Clause).
"""

from torch import Tensor, nn
from torch.nn import functional

BLOCKS_PER_STAGE = 3
STAGE_CHANNELS = (16, 32, 64)
# The constants that the published checkpoint was trained with: ImageNet's, on CIFAR-10.
TRAINED_MEAN = (0.485, 0.456, 0.406)
TRAINED_STD = (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two 3×3 convolutions with batch norm and a shortcut without parameters (option A).

    Where the stage begins, the shortcut takes every second pixel and pads zero channels evenly
    on both sides.
    """

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.stride = stride
        self.padding = (leaving - entering) // 2

    def forward(self, images: Tensor) -> Tensor:
        """From (batch, entering, h, w) to (batch, leaving, ⌈h/stride⌉, ⌈w/stride⌉)."""
        features = functional.relu(self.bn1(self.conv1(images)))
        features = self.bn2(self.conv2(features))
        shortcut = images
        if self.padding:
            shortcut = images[:, :, :: self.stride, :: self.stride]
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, self.padding, self.padding))
        return functional.relu(features + shortcut)


class CifarResNet(nn.Module):
    """A 3×3 convolution, three stages of blocks, the mean over pixels, a linear head."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        first, second, third = STAGE_CHANNELS
        self.conv1 = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = stage(first, first, stride=1)
        self.layer2 = stage(first, second, stride=2)
        self.layer3 = stage(second, third, stride=2)
        self.linear = nn.Linear(third, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, images: Tensor) -> Tensor:
        """From images (batch, channels, size, size) to logits (batch, classes)."""
        features = functional.relu(self.bn1(self.conv1(images)))
        features = self.layer3(self.layer2(self.layer1(features)))
        logits: Tensor = self.linear(features.mean(dim=(2, 3)))
        return logits


def stage(entering: int, leaving: int, stride: int) -> nn.Sequential:
    """The blocks of one stage, the first of which takes the stride."""
    first = Block(entering, leaving, stride)
    return nn.Sequential(first, *(Block(leaving, leaving, 1) for _ in range(BLOCKS_PER_STAGE - 1)))


def build_cifar_resnet20(channels: int, image_size: int, classes: int) -> nn.Module:
    """ResNet-20 for images of any size, 269,722 parameters with 3 channels and 10 classes."""
    return CifarResNet(channels, classes)
