"""A training script as people write it for wandb agent; your-own-code.yaml runs it as it stands.

It fits two intertwined spirals with a small network, in NumPy, and logs the loss of each epoch.
"""

import argparse
import math

import numpy as np
import wandb

POINTS, HIDDEN, BATCH = 400, 24, 20


def spirals(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points of two spirals with some noise: POINTS × 2, and their classes, 0 or 1."""
    turn = 1.5 * math.pi * np.sqrt(generator.random(POINTS))
    label = np.arange(POINTS) % 2
    angle = turn + math.pi * label
    points = np.stack([turn * np.cos(angle), turn * np.sin(angle)], axis=1) / 4
    return points + 0.03 * generator.standard_normal(points.shape), label


def main() -> None:
    """Train with the values of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--optimizer", choices=["sgd", "momentum", "adam"], default="sgd")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    wandb.init(project="spirals", config=vars(given))
    generator = np.random.default_rng(given.seed)
    points, label = spirals(generator)
    shapes = ((2, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN,))
    weights = [generator.standard_normal(shape) / math.sqrt(shape[0]) for shape in shapes]
    mean = [np.zeros(shape) for shape in shapes]
    square = [np.zeros(shape) for shape in shapes]
    step = 0
    for epoch in range(given.epochs):
        losses, right = [], 0
        for chosen in generator.permutation(POINTS).reshape(-1, BATCH):
            x, y = points[chosen], label[chosen]
            first = np.tanh(x @ weights[0] + weights[1])
            second = np.tanh(first @ weights[2] + weights[3])
            score = second @ weights[4]
            losses.append(float(np.logaddexp(0, np.where(y, -score, score)).mean()))
            right += int(((score > 0) == y).sum())
            back = (1 / (1 + np.exp(-score)) - y) / BATCH
            to_second = np.outer(back, weights[4]) * (1 - second**2)
            to_first = to_second @ weights[2].T * (1 - first**2)
            gradients = [x.T @ to_first, to_first.sum(0), first.T @ to_second]
            gradients += [to_second.sum(0), second.T @ back]
            step += 1
            for index, gradient in enumerate(gradients):
                if given.optimizer == "adam":
                    mean[index] = 0.9 * mean[index] + 0.1 * gradient
                    square[index] = 0.999 * square[index] + 0.001 * gradient**2
                    scale = np.sqrt(square[index] / (1 - 0.999**step)) + 1e-8
                    gradient = mean[index] / (1 - 0.9**step) / scale
                elif given.optimizer == "momentum":
                    mean[index] = 0.9 * mean[index] + gradient
                    gradient = mean[index]
                weights[index] = weights[index] - given.learning_rate * gradient
        wandb.log({"epoch": epoch, "loss": np.mean(losses), "accuracy": 100 * right / POINTS})


if __name__ == "__main__":
    main()
