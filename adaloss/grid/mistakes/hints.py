"""Find the names that the user may have meant: another spelling, a synonym, or a typo."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from adaloss.tasks.metrics import METRICS

# Only letters and digits are compared: learning_rate also matches learning-rate and learningRate.
SPELLINGS: Mapping[str, str] = {
    "dataset": "data data_name dataset_name dataset_type train_dataset",
    "model": "arch architecture model_name model_type model_arch model_name_or_path backbone net "
    "net_name network",
    "optimizer": "optim opt optimiser optimizer_name optimizer_type optim_name optim_type",
    "seed": "random_seed rng_seed manual_seed torch_seed random_state",
    "lr": "learning_rate lr_rate learn_rate base_lr base_learning_rate init_lr initial_lr lr_init "
    "initial_learning_rate learning_rate_init lr0 max_lr peak_lr eta",
    "epochs": "num_epochs n_epochs nb_epochs number_of_epochs max_epochs total_epochs "
    "train_epochs training_epochs num_train_epochs",
    "batch_size": "batch bs train_bs train_batch_size mini_batch_size per_device_train_batch_size "
    "batch_size_train",
    "momentum": "mom sgd_momentum",
    "weight_decay": "wd weight_decay_rate l2 l2_reg l2_penalty l2_lambda",
    "b0": "b_init b0_init initial_b",
    "pretrained": "use_pretrained from_pretrained pretrained_weights",
    "image_size": "img_size imgsz img_dim image_dim input_size input_resolution resolution",
    "split_seed": "data_seed data_split_seed",
    "train_examples": "train_samples max_train_samples num_train_samples num_train_examples",
    "eval_examples": "eval_samples max_eval_samples num_eval_samples num_eval_examples",
    "padding": "pad crop_padding",
    "flip": "hflip random_flip horizontal_flip random_horizontal_flip",
    "normalize": "normalise normalization normalisation",
    "precision": "dtype mixed_precision",
    "compile": "torch_compile use_compile",
    "deterministic": "cudnn_deterministic",
    "sgd_constant": "sgd",
    **{name: metric.other_names for name, metric in METRICS.items() if metric.other_names},
    "seeds": "n_seeds num_seeds number_of_seeds n_repeats num_repeats repeats repetitions",
    "run_cap": "max_runs max_trials num_trials n_trials num_runs n_runs num_samples n_samples "
    "num_points n_points",
    "retries": "retry max_retries",
    "max_concurrent": "parallelism concurrency max_parallel n_jobs max_concurrent_trials",
    "timeout": "time_limit max_time",
    "max_failed": "max_failures",
    "cpu": "cpus num_cpus n_cpus cpus_per_trial",
    "gpu": "gpus num_gpus n_gpus gpus_per_trial",
    "root": "data_root data_dir data_path",
    "program": "script entrypoint entry_point train_script training_script program_file",
    "command": "cmd command_line",
    "python": "interpreter python_path python_executable python_interpreter",
    "seed_parameter": "seed_param seed_name seed_arg seed_argument seed_option seed_key",
    "file": "metrics_file metric_file results_file result_file output_file json_file",
    "pattern": "regex regexp regular_expression metrics_pattern metric_pattern",
    "metrics": "metric_source metrics_source",
}
MOST_EDITS = 3
SHORTEST_TYPO = 3
"""Shorter names are too similar to each other to detect a typo."""
SHORTEST_SYNONYM = 8
"""Typos are not looked for in shorter synonyms, which are similar to too many names."""


def squashed(name: str) -> str:
    """The letters and digits of a name, in lower case."""
    return re.sub(r"[\W_]+", "", name).lower()


SYNONYMS: Mapping[str, tuple[str, ...]] = {
    squashed(spelling): tuple(
        name for name, spellings in SPELLINGS.items() if spelling in spellings.split()
    )
    for listed in SPELLINGS.values()
    for spelling in listed.split()
}
"""The names that each spelling may stand for."""


def similar_names(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that the user may have meant by ``name``. Empty if none is similar."""
    names = list(names)
    return other_spellings(name, names) or typos(name, names)


def other_spellings(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The name with the same letters and digits, or the names of which ``name`` is a synonym.

    Of a dotted name such as ``optimizer.learning_rate`` the last part counts as well.
    """
    by_letters = {squashed(each): each for each in names}
    for part in (squashed(name), squashed(name.rpartition(".")[2])):
        if part in by_letters:
            return (by_letters[part],)
        if matches := [each for each in SYNONYMS.get(part, ()) if each in by_letters.values()]:
            return tuple(matches)
    return ()


def typos(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """The name that differs from ``name`` in few letters, or that has such a synonym."""
    typed = squashed(name[:100])
    meant: dict[str, tuple[str, ...]] = {squashed(each): (each,) for each in reversed(names)}
    for spelling, synonyms in SYNONYMS.items():
        possible = tuple(each for each in synonyms if each in names)
        if possible and len(spelling) >= SHORTEST_SYNONYM:
            meant.setdefault(spelling, possible)
    close = [each for each in get_close_matches(typed, meant, n=5) if is_typo(typed, each)]
    return meant[min(close, key=lambda each: edit_distance(typed, each))] if close else ()


def is_typo(typed: str, meant: str) -> bool:
    """Whether ``typed`` differs from ``meant`` in so few letters that it may be a typo."""
    most = min(MOST_EDITS, max(1, len(typed) // 4)) if len(typed) >= SHORTEST_TYPO else 0
    return typed[:1] == meant[:1] and edit_distance(typed, meant) <= most


def edit_distance(one: str, other: str) -> int:
    """The number of letters to change, add, remove or swap with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, before, row = before, row, [i]
        for j, opposite in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != opposite))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == opposite:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
