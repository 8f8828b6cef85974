"""Compare trials that share a GPU with one that has it alone, with and without NVIDIA's service.

    python benchmarks/shared_gpu.py [--model cifar_resnet20] [--trials 1,4,8] [--compile] [--json]

Each trial is a process of one thread that takes training steps for some seconds, all at the same
time, on random images, in bf16 where the GPU has it. The figure is what they do together, because
the trials of a sweep are what is waited for.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from typing import Any

import torch
from published_loop import RESIZE, SIZE, synthetic_splits
from train_throughput import BATCH_SIZE

from adaloss.records.places import NOWHERE
from adaloss.records.provenance import device_name
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.training import Training
from runners.on_ray.gpu_sharing import PIPES, gpus_shared_at_once

SECONDS = 8.0
WARM_UP = 20
SMALL = ("cifar_resnet20", "small_cnn", "mlp")


def training_of(model: str, *, compiled: bool) -> Training:
    """A training on random images of CIFAR's size, at the size that the model takes."""
    sizes = {"padding": 4} if model in SMALL else {"resize": RESIZE, "image_size": SIZE}
    trial = ImageTrial.model_validate(
        {
            "dataset": "cifar100", "model": model, "optimizer": "adaloss", "seed": 0, "lr": 0.1,
            "epochs": 1, "batch_size": BATCH_SIZE["cuda"], "flip": True, "compile": compiled,
            "precision": "auto", "channels_last": not model.startswith("vit"), **sizes,
        }
    )  # fmt: skip
    training = Training(trial, synthetic_splits(64 * trial.batch_size, "cuda"), NOWHERE, "cuda")
    training.model.train()
    return training


def train(model: str, *, compiled: bool) -> None:
    """Say when the steps are warm; after a line of input train, and print images per second."""
    torch.set_num_threads(1)
    training = training_of(model, compiled=compiled)
    steps = (loss for _ in iter(int, 1) for loss, _ in training.train_steps())
    with training.computing():
        for _ in range(WARM_UP):
            next(steps)
        torch.cuda.synchronize()
        print("ready", flush=True)
        input()
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            for _ in range(10):
                next(steps)
            torch.cuda.synchronize()
            done += 10
    print(done * training.trial.batch_size / (time.perf_counter() - started), flush=True)


def together(model: str, trials: int, *, compiled: bool) -> float:
    """Images per second of all these trials."""
    line = [sys.executable, __file__, "--model", model, "--one", *["--compile"] * compiled]
    processes = [
        subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(trials)
    ]
    for process in processes:
        assert process.stdout is not None
        while process.stdout.readline() not in ("ready\n", ""):
            pass
    if any(process.poll() for process in processes):
        for process in processes:
            process.kill()
        sys.exit("a trial has failed: see its error above")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0].split()[-1]) for process in processes)


def measure(model: str, numbers: list[int], *, compiled: bool) -> list[dict[str, Any]]:
    """A row for one trial alone and for each number of them, in turns and at once."""
    rows: list[dict[str, Any]] = []
    for at_once in (False, True):
        with gpus_shared_at_once() if at_once else nullcontext():
            if at_once and PIPES not in os.environ:
                print("NVIDIA's Multi-Process Service is not installed, or does not start")
                break
            for trials in dict.fromkeys((1, *numbers)):
                rate = together(model, trials, compiled=compiled)
                alone = rows[0]["images_per_second"] if rows else rate
                row = {"mps": at_once, "trials": trials, "images_per_second": rate}
                rows.append(row | {"to_one_alone": rate / alone})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="cifar_resnet20")
    parser.add_argument("--trials", default="1,4,8", help="how many share the GPU, beside one")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("there is no GPU here")
    if arguments.one:
        train(arguments.model, compiled=arguments.compile)
        return
    if PIPES in os.environ:
        parser.error(f"unset {PIPES}: with a service of your own no trials take turns")
    numbers = [int(number) for number in arguments.trials.split(",")]
    rows = measure(arguments.model, numbers, compiled=arguments.compile)
    machine = device_name("cuda")
    print(f"{machine}, {arguments.model}{', compiled' * arguments.compile}")
    print(f"{'trials':>6}  {'':<9}{'images/s':>10}{'to one alone':>14}")
    for row in rows:
        how = "at once" if row["mps"] else "in turns"
        print(
            f"{row['trials']:>6}  {how:<9}{row['images_per_second']:>10,.0f}"
            f"{row['to_one_alone']:>14.2f}"
        )
    if arguments.json:
        about = {"device": machine, "model": arguments.model, "compile": arguments.compile}
        print(json.dumps({"benchmark": "shared_gpu", **about, "results": rows}))


if __name__ == "__main__":
    main()
