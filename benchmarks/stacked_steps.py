"""Training steps of one trial and of stacked trials, eager or as CUDA graphs, for benchmarks."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional

from adaloss.optim.gradients import gather
from adaloss.optim.update import descend
from adaloss.tasks.images.data.batches import ImageBatches
from adaloss.tasks.images.training import Training
from adaloss.tasks.optimizers.paper import PaperOptimizer

CHECKED_STEPS = 5
STEPS_BEFORE_CAPTURE = 3  # As in torch's documentation.


class One:
    """The step of one trial with b_t² in a tensor of shape () that is updated in place."""

    def __init__(self, training: Training) -> None:
        self.trial, self.model = training.trial, training.model
        self.parameters = training.steps.parameters
        b_squared = self.trial.b0 * self.trial.b0
        self.b_squared = torch.tensor(b_squared, dtype=torch.float64, device=training.device)

    def learn(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take the same step as `Training.train_step`; returns the loss."""
        loss = functional.cross_entropy(self.model(images), labels)
        for parameter in self.parameters:
            parameter.grad = None
        torch.autograd.backward(loss)
        loss, trial = loss.detach(), self.trial
        with torch.no_grad():
            self.b_squared.add_((loss.double() - trial.c).abs(), alpha=trial.alpha)
            rate = self.b_squared.rsqrt()
            for batch in gather(self.parameters):
                descend(batch, [], rate=rate, lr=trial.lr, momentum=0.0, weight_decay=0.0)
        return loss

    def weights(self, trial: int) -> list[Tensor]:
        """The trial's weights."""
        return [parameter.detach() for parameter in self.parameters]


class Stack:
    """Trials of one network with different seeds and b0; their weights are stacked by name."""

    def __init__(self, trainings: Sequence[Training]) -> None:
        first = trainings[0]
        self.trial = first.trial
        stacked, _ = stack_module_state([training.model for training in trainings])
        self.parameters: dict[str, Tensor] = {n: own.detach() for n, own in stacked.items()}
        b_squared = [training.trial.b0 * training.trial.b0 for training in trainings]
        self.b_squared = torch.tensor(b_squared, dtype=torch.float64, device=first.device)
        skeleton = copy.deepcopy(first.model).to("meta")

        def loss_of(parameters: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
            logits = functional_call(skeleton, parameters, (images,))
            return functional.cross_entropy(logits, labels)

        self.gradients = vmap(grad_and_value(loss_of))

    def learn(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step of every trial; returns their losses."""
        gradients: dict[str, Tensor]
        losses: Tensor
        gradients, losses = self.gradients(self.parameters, images, labels)
        self.b_squared.add_((losses.double() - self.trial.c).abs(), alpha=self.trial.alpha)
        rates = (self.trial.lr * self.b_squared.rsqrt()).float()
        for name, own in self.parameters.items():
            own.addcmul_(gradients[name], rates.view(-1, *[1] * (own.ndim - 1)), value=-1)
        return losses

    def weights(self, trial: int) -> list[Tensor]:
        """The weights of one trial, as slices of the stack."""
        return [own[trial] for own in self.parameters.values()]


class Loop:
    """Trains epochs of a learner; each trial has its own order of the examples.

    A step reads and writes the same tensors every time, and the position in the epoch is on the
    device. So a CUDA graph can capture the whole step, including gathering the batch.
    """

    def __init__(self, learner: One | Stack, data: ImageBatches, batch_size: int) -> None:
        assert data.kept is not None, "the images of digits fit into memory"
        self.learner, self.images, self.labels = learner, data.kept, data.examples.labels
        steps, lead = len(self.labels) // batch_size, learner.b_squared.shape
        device = data.kept.device
        if steps < CHECKED_STEPS:
            raise ValueError(f"an epoch has fewer than {CHECKED_STEPS} batches of {batch_size}")
        self.order = torch.zeros(steps, *lead, batch_size, dtype=torch.int64, device=device)
        self.losses = torch.zeros(steps, *lead, device=device)
        self.position = torch.zeros(1, dtype=torch.int64, device=device)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """The images and labels at these indices, which may have any shape."""
        flat = chosen.flatten()
        images = self.images.index_select(0, flat).view(*chosen.shape, *self.images.shape[1:])
        return images.movedim(-1, -3), self.labels.index_select(0, flat).view(chosen.shape)

    def step(self) -> None:
        """Take the next step of the epoch."""
        chosen = self.order.index_select(0, self.position)[0]
        losses = self.learner.learn(*self.batch(chosen))
        self.losses.index_copy_(0, self.position, losses.unsqueeze(0))
        self.position.add_(1)

    def shuffle(self) -> None:
        """Start an epoch with a new random order."""
        self.position.zero_()
        (steps, *lead), size = self.losses.shape, self.order.shape[-1]
        drawn = torch.rand(*lead, len(self.labels), device=self.order.device).argsort(dim=-1)
        self.order.copy_(drawn[..., : steps * size].reshape(*lead, steps, size).movedim(-2, 0))

    def epoch(self, step: Callable[[], None]) -> None:
        """Train for one epoch and check its losses.

        Raises:
            RuntimeError: a loss is not finite.
        """
        self.shuffle()
        for _ in range(len(self.order)):
            step()
        if not self.losses.isfinite().all().item():
            raise RuntimeError("a loss is not finite")


def captured(loop: Loop) -> Callable[[], None]:
    """Capture the loop's step as a CUDA graph; returns the function that replays it."""
    loop.shuffle()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(STEPS_BEFORE_CAPTURE):
            loop.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loop.step()
    return graph.replay


def check(loop: Loop, step: Callable[[], None], trainings: Sequence[Training]) -> None:
    """Compare the loop's steps with those of trials that start from the same state.

    Raises:
        AssertionError: the weights differ after the steps.
    """
    loop.shuffle()
    b_squared = loop.learner.b_squared.flatten().tolist()
    for number, training in enumerate(trainings):
        with torch.no_grad():
            torch._foreach_copy_(list(training.steps.parameters), loop.learner.weights(number))
        assert isinstance(training.steps.optimizer, PaperOptimizer)
        training.steps.optimizer.optimizer.param_groups[0]["b_squared"] = b_squared[number]
    for chosen in loop.order[:CHECKED_STEPS]:
        step()
        for training, own in zip(trainings, chosen.view(-1, chosen.shape[-1]), strict=False):
            training.train_step(*loop.batch(own))
    for number, training in enumerate(trainings):
        expected = [parameter.detach() for parameter in training.steps.parameters]
        torch.testing.assert_close(loop.learner.weights(number), expected, rtol=1e-4, atol=1e-5)
