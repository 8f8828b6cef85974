"""Estimate a trial's time on this machine from a few of its steps."""

import time

import torch

from adaloss.tasks.images.evaluate import batch_size_for
from adaloss.tasks.images.training import Training
from adaloss.tasks.task import Calibration

# The first steps allocate memory and choose algorithms, and are not counted.
WARM_UP_STEPS = {"cpu": 1, "cuda": 5}
TIMED_STEPS = {"cpu": 2, "cuda": 20}


def calibrate(training: Training) -> Calibration:
    """Time some steps and a batch of evaluation; the training is of no other use afterwards."""
    kind = training.device.type
    with training.computing():
        seconds_per_step = step_seconds(training, WARM_UP_STEPS[kind], TIMED_STEPS[kind])
        seconds_per_evaluation = evaluation_seconds(training)
    steps = -(-len(training.train.examples) // training.trial.batch_size)
    evaluated = len(training.validation.examples) + len(training.test.examples)
    return Calibration(
        seconds_per_step=seconds_per_step,
        seconds_per_epoch=steps * seconds_per_step + evaluated * seconds_per_evaluation,
        checkpoint_bytes=sum(
            tensor.numel() * tensor.element_size()
            for tensor in training.model.state_dict().values()
        ),
    )


def step_seconds(training: Training, warm_up: int, timed: int) -> float:
    """The mean time of a step in seconds, after some steps that are not counted."""
    steps, started = 0, time.perf_counter()
    training.model.train()
    # A small data set may have fewer batches than there are steps to time.
    while True:
        for _ in training.train_steps():
            steps += 1
            if steps == warm_up:
                finish(training.device)
                started = time.perf_counter()
            elif steps == warm_up + timed:
                finish(training.device)
                return (time.perf_counter() - started) / timed


@torch.inference_mode()
def evaluation_seconds(training: Training) -> float:
    """The time per example of an evaluation's second batch, or of its only one, in seconds."""
    training.model.eval()
    batch_size = batch_size_for(training.test.recipe.image_size)
    seconds = 0.0
    finish(training.device)
    started = time.perf_counter()
    for number, (images, labels) in enumerate(training.test.batches(batch_size)):
        with training.precision:
            training.model(images)
        finish(training.device)
        seconds = (time.perf_counter() - started) / len(labels)
        started = time.perf_counter()
        if number == 1:
            break
    return seconds


def finish(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
