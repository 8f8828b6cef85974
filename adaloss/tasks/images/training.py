"""The training loop of one trial: epoch by epoch, its whole state savable in between."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from adaloss.optimizer_names import is_named
from adaloss.records.places import NOWHERE, Places
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.images.compiling import compiled_network
from adaloss.tasks.images.data.batches import ImageBatches
from adaloss.tasks.images.data.recipe import draw, recipe_of
from adaloss.tasks.images.data.splits import Splits
from adaloss.tasks.images.evaluate import evaluate
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.metrics import (
    EXAMPLES_PER_SECOND,
    TEST_LOSS,
    TEST_TOP1,
    TEST_TOP5,
    TRAIN_LOSS,
    VAL_LOSS,
    VAL_TOP1,
    VAL_TOP5,
)
from adaloss.tasks.images.model_names import is_user_model
from adaloss.tasks.images.models.build import build_model
from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.numerics import forward_precision, numerics_of
from adaloss.tasks.replay import Replay
from adaloss.tasks.seeding import forked_random_state, named_generator, set_random_state
from adaloss.tasks.steps import Steps
from adaloss.trial import Capture

# A read-back makes the host wait for the device, so losses are read this many at a time.
STEPS_PER_READBACK = 50


class Training:
    """A trial in training. On a CPU the same trial and splits give the same bits every time."""

    def __init__(
        self,
        trial: ImageTrial,
        splits: Splits,
        places: Places = NOWHERE,
        device: str = "cpu",
        *,
        capture: Capture = "auto",
    ) -> None:
        """Build model and optimizer; ``splits`` must be resident on ``device``.

        ``capture`` decides whether steps on a GPU are replayed, which gives the same numbers
        faster; auto excludes the user's own models and named optimizers, which may do work on the
        processor that no replay repeats.
        """
        self.trial = trial
        self.device = torch.device(device)
        built = build_model(
            trial,
            channels=splits.channels,
            image_size=splits.image_size,
            classes=splits.classes,
            places=places,
        )
        self.model = built.module.to(self.device)
        if trial.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        # Only the network is compiled: the order of draws, the loss and the optimizer stay as is.
        self.forward = compiled_network(self.model) if trial.compile else self.model
        self.precision = forward_precision(trial, self.device)
        recipe = recipe_of(trial, splits, built.image_size, built.mean, built.std)
        self.train = ImageBatches(
            splits.train,
            recipe,
            training=True,
            compiled=trial.compile and self.device.type == "cuda",
        )
        self.validation = ImageBatches(splits.validation, recipe, training=False)
        self.test = ImageBatches(splits.test, recipe, training=False)
        count = trial.epochs * trial.steps_in_epoch(len(splits.train))
        self.steps = Steps(trial, self.model, places, device, count=count)
        ours = not (is_user_model(trial.model) or is_named(trial.optimizer))
        wanted = ours if capture == "auto" else capture
        # A graph would repeat the learning rate of the step that it was captured from.
        replays = wanted and self.device.type == "cuda" and not self.steps.scheduled
        replays = replays and self.steps.optimizer.replayable
        self.replay = Replay(self.model) if replays else None
        self.order = named_generator(trial.seed, "order")
        self.augmentation = named_generator(trial.seed, "augmentation")
        self.epoch = 0

    @property
    def step(self) -> int:
        """The steps that are done."""
        return self.steps.done

    @property
    def resolved(self) -> str | None:
        """The optimizer's classes with all their arguments."""
        return self.steps.optimizer.resolved()

    def run_epoch(self) -> dict[str, float | None]:
        """Train for one epoch, then evaluate on validation and test; returns the metrics by name.

        Losses are cross-entropies in nats, averaged over examples (sums over the epoch divided by
        counts); accuracies are percentages. ``b`` and ``effective_lr``, which is lr/b times the
        factor of the schedule, are those of the last step, None where the optimizer has no single
        rate (``adagrad_norm_rowwise``) or no learning rate.

        Raises:
            DivergedError: a loss was not finite or beyond the trial's ``max_loss``.
        """
        self.epoch += 1
        started = time.perf_counter()
        with self.computing():
            with self.steps.of_epoch(self.epoch):
                train_loss = self.train_one_epoch()
            # A model of the user's own may draw in evaluation as well.
            set_random_state(self.device, self.steps.random)
            trained = time.perf_counter() - started
            with self.steps.evaluating():
                validation, test = (
                    evaluate(self.model, part, self.precision, self.replay, forward=self.forward)
                    for part in (self.validation, self.test)
                )
        for name, loss in (("validation", validation.loss), ("test", test.loss)):
            if not math.isfinite(loss):
                reason = f"the {name} loss is {loss}"
                raise DivergedError(epoch=self.epoch, step=self.step, loss=loss, reason=reason)
        b, effective_lr = self.steps.rate_in_use()
        return {
            TRAIN_LOSS.name: train_loss,
            VAL_LOSS.name: validation.loss,
            VAL_TOP1.name: validation.top1,
            VAL_TOP5.name: validation.top5,
            TEST_LOSS.name: test.loss,
            TEST_TOP1.name: test.top1,
            TEST_TOP5.name: test.top5,
            B.name: b,
            EFFECTIVE_LR.name: effective_lr,
            EXAMPLES_PER_SECOND.name: len(self.train.examples) / trained,
        }

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Apply the trial's precision and determinism; restore the caller's at the end."""
        with forked_random_state(self.device), numerics_of(self.trial, self.device):
            yield

    def train_one_epoch(self) -> float:
        """Take one pass over the training examples; returns their mean plain loss."""
        self.model.train()
        loss_sum = 0.0
        sizes: list[int] = []
        for _, examples in self.train_steps():
            sizes.append(examples)
            if len(sizes) == STEPS_PER_READBACK:
                loss_sum += self.read_back(sizes)
                sizes = []
        if sizes:
            loss_sum += self.read_back(sizes)
        return loss_sum / len(self.train.examples)

    def train_steps(self) -> Iterator[tuple[Tensor, int]]:
        """The steps of one pass over the training examples, in a new order.

        Each yields its plain loss, a scalar that stays on the device, and its number of examples.
        """
        count, batch_size = len(self.train.examples), self.trial.batch_size
        order = torch.randperm(count, generator=self.order).to(self.device)
        draws = draw(self.train.recipe, count, self.augmentation).to(self.device)
        if self.replay is None:
            for images, labels in self.train.batches(batch_size, order, draws):
                yield self.train_step(images, labels), len(labels)
            return
        for selection in self.train.selections(batch_size, order, draws):
            examples = len(selection[0])
            self.steps.begin()
            # A smaller last batch would be captured separately, for one step an epoch.
            if examples < batch_size:
                loss = self.learn_selected(*selection)
            else:
                loss = self.replay.call("a training step", self.learn_selected, *selection)
            self.steps.end(loss)
            yield loss, examples

    def train_step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One update of the weights; returns the plain loss, a scalar that stays on the device."""
        self.steps.begin()
        loss = self.learn(images, labels)
        self.steps.end(loss)
        return loss

    def learn_selected(self, chosen: Tensor, *drawn: Tensor) -> Tensor:
        """The step with images that are still to be cropped, so that a replay does it as well."""
        return self.learn(*self.train.select(chosen, *drawn))

    def learn(self, images: Tensor, labels: Tensor) -> Tensor:
        """The step itself: from one to the next only data on the device changes."""
        return self.steps.learn(lambda: self.loss(images, labels))

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy of a batch, with its graph."""
        forward = self.forward if len(labels) == self.trial.batch_size else self.model
        with self.precision:
            return functional.cross_entropy(
                forward(images), labels, label_smoothing=self.trial.label_smoothing
            )

    def read_back(self, sizes: list[int]) -> float:
        """Sum the losses of the last steps over their batches' examples, with one read-back.

        Raises:
            DivergedError: names the first step whose loss was not finite or too large.
        """
        losses = self.steps.read_back(self.epoch)
        return math.fsum(loss * examples for loss, examples in zip(losses, sizes, strict=True))

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything that the rest of the trial depends on."""
        return self.steps.state_dict() | {
            "epoch": self.epoch,
            "order": self.order.get_state(),
            "augmentation": self.augmentation.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot; on a CPU the rest equals the original bit for bit.

        Raises:
            ValueError: the snapshot belongs to another trial, or lacks a part of the optimizer's
                state.
        """
        self.steps.load_state_dict(state)
        if self.replay is not None:
            self.replay = Replay(self.model)
        self.order.set_state(state["order"])
        self.augmentation.set_state(state["augmentation"])
        self.epoch = state["epoch"]
