"""How much a sweep writes, and where: records, checkpoints, data, weights and Ray's files."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from adaloss.records.places import prepared_folder
from adaloss.tasks.images.model_names import BUILT_IN_MODELS, has_published_weights
from runners.pages.plan import RECORD_BYTES, RECORD_BYTES_PER_EPOCH, REPORTS_OF_A_PROGRAM
from runners.preflight.inputs.data_sets import is_on_disk, is_prepared
from runners.preflight.inputs.hub_cache import cached_weights, hub_cache
from runners.preflight.machine.ray_folder import SHARED_MEMORY, ray_folder
from runners.preflight.machine.space import Need, room_at
from runners.preflight.planned import Planned

# A trial's folder, trial.json, metrics.jsonl, checkpoint, result.json and log.
FILES_PER_TRIAL = 6
OFFLINE_RUN_BYTES, OFFLINE_RUN_FILES = 40_000, 12
SMALL_MODEL_BYTES = 2_000_000
# A weight, and the two averages that Adam keeps of its gradients.
NUMBERS_PER_WEIGHT = 3
# Assumed for a model whose size is unknown until it is built.
LARGE_MODEL_BYTES = 200_000_000
RAY_LOG_BYTES = 50_000_000
OBJECT_STORE_BYTES = 200_000_000


def needs_of(planned: Planned) -> Iterator[Need]:
    """Everything that the sweep writes."""
    yield records(planned)
    yield checkpoints(planned)
    if planned.mode != "disabled":
        yield offline_runs(planned)
    yield from data(planned)
    yield from weights(planned)
    if not os.environ.get("RAY_ADDRESS"):
        yield ray_files()


def records(planned: Planned) -> Need:
    """The trials' records, with the sizes that ``plan`` reports."""
    epochs = sum(trial.last_epoch or REPORTS_OF_A_PROGRAM for trial in planned.trials)
    return Need(
        what="records",
        folder=planned.store.root,
        size=RECORD_BYTES * len(planned.trials) + RECORD_BYTES_PER_EPOCH * epochs,
        files=FILES_PER_TRIAL * len(planned.trials),
    )


def checkpoints(planned: Planned) -> Need:
    """The checkpoints of running trials, or of all; a checkpoint exists twice while replaced."""
    keep = planned.sweep.grid.execution.keep_checkpoints
    # Grids have few models and many trials.
    kinds = {
        (trial.starts_from[0], trial.values.get("momentum", 0) > 0)
        for trial in planned.trials
        if trial.starts_from is not None
    }
    sizes = {NUMBERS_PER_WEIGHT * trial.model_bytes for trial in planned.trials}
    largest = max((SMALL_MODEL_BYTES, *sizes, *(checkpoint_bytes(*kind) for kind in kinds)))
    kept = len(planned.trials) if keep else planned.workers
    return Need(
        what="checkpoints",
        folder=planned.store.root,
        size=largest * (kept + planned.workers),
        assumed=True,
    )


def checkpoint_bytes(model: str, with_momentum: bool) -> int:
    """The size of a checkpoint: the model, and with momentum a buffer for each weight."""
    copies = 2 if with_momentum else 1
    if model in BUILT_IN_MODELS:
        return copies * SMALL_MODEL_BYTES
    found = cached_weights(model)
    return copies * (found.stat().st_size if found else LARGE_MODEL_BYTES)


def offline_runs(planned: Planned) -> Need:
    """W&B's files of the runs, which stay on the disk without a login."""
    count = len(planned.trials)
    return Need(
        what="W&B's runs",
        folder=planned.store.root,
        size=OFFLINE_RUN_BYTES * count,
        files=OFFLINE_RUN_FILES * count,
        assumed=True,
    )


def data(planned: Planned) -> Iterator[Need]:
    """The downloads and prepared files of data sets that are missing."""
    root, prepared = planned.sweep.places.data_root, prepared_folder()
    known = planned.task.data
    if known is None:
        return
    for name in planned.datasets:
        about = known.published.get(name)
        if about is None:
            continue
        if not is_on_disk(name, known, root):
            yield Need(what=f"{name}'s files", folder=root, size=about.file_bytes)
        if about.prepared_bytes and not is_prepared(name, prepared):
            yield Need(what=f"{name} as tensors", folder=prepared, size=about.prepared_bytes)


def weights(planned: Planned) -> Iterator[Need]:
    """Published weights that are not in the Hub's cache."""
    for model, pretrained in planned.starts:
        fetched = pretrained is True and model not in BUILT_IN_MODELS
        if fetched and has_published_weights(model) and cached_weights(model) is None:
            what = f"weights of {model}"
            yield Need(what=what, folder=hub_cache(), size=LARGE_MODEL_BYTES, assumed=True)


def ray_files() -> Need:
    """Ray's logs, and its object store if shared memory is too small."""
    shared = SHARED_MEMORY.is_dir() and room_at(SHARED_MEMORY).size > OBJECT_STORE_BYTES
    size = RAY_LOG_BYTES if shared else RAY_LOG_BYTES + OBJECT_STORE_BYTES
    return Need(what="Ray's own files", folder=ray_folder(), size=size, assumed=True)


def folders_of_downloads(planned: Planned) -> Mapping[str, Path]:
    """The folders that the sweep writes to, by purpose, except the results."""
    root, prepared = planned.sweep.places.data_root, prepared_folder()
    found = {need.folder for need in data(planned)}
    named = {"data": root, "prepared data": prepared}
    return {name: folder for name, folder in named.items() if folder in found}
