"""Fuzz the readers of grids and records. This is not a test: run it as long as you like.

    python tests/adaloss/grid/fuzz_grids.py [--seconds 60] [--records] [--corpus FOLDER]

With atheris (``pip install atheris``) coverage guides the fuzzing. Without it valid files are
mutated at random. An input that raises anything but the reader's own error, or takes longer than a
few seconds, is saved in the corpus folder as ``crash-…`` and ends the run.
"""

import argparse
import hashlib
import importlib.util
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

MOST_SECONDS = 10
POOL = 200
Target = Callable[[bytes], None]

SIGNS = (
    ": ", "- ", "[", "]", "{", "}", ", ", "\n", "\n  ", "&a ", "*a", "<<: ", "!!python/object:x ",
    "'", '"', "\\0", "\\x1b", "\\u202e", "\\ud800", "%", "? ", "| ", "--- ", "# ", "\t", "é",
    "\u2028", "1e9", "-0.0", ".nan", ".inf", "0x7f", "0o17", "1e400", "9" * 24, "9" * 400, "100000",
    "-1", "null", "true", "no", "mlp", "adaloss", "../../etc/passwd", "/dev/zero", "w.pth", "{b0}",
    "imagefolder:/x", "{model.__class__}", "epoch 3", "NaN", "Infinity", "failed", "2h",
    "parameters: {", "distribution: ", "categorical", "optimizer.lr", "values: ", "min: ", "010",
)  # fmt: skip


GRID = """\
name: demo
metric: {name: test/top1, goal: maximize, at: epoch 1}
parameters:
  dataset: [digits, "imagefolder:pets"]
  model: [mlp, small_cnn]
  optimizer: [adaloss, sgd_constant]
  b0: {values: [0.1, 1]}
  lr: &lr 0.1
  epochs: 2
  batch_size: 32
  image_size: {value: 8}
seeds: [0, 7]
overrides: [{match: {b0: 1}, set: {momentum: 0.5, lr: *lr}}]
exclude: [{b0: 1, optimizer: adaloss}]
include: [{dataset: digits, model: mlp, optimizer: adaloss, b0: [5, 7]}]
divergence: {max_loss: 1e4}
resources: {cpu: 2, gpu: auto}
execution: {max_concurrent: auto, timeout: 2h, retries: 2, max_failed: 10, order: cell_major}
wandb: {mode: auto, project: adaloss, tags: ["{model}"]}
tables: [{rows: b0, columns: optimizer, per: [model, dataset], only: {b0: [1]}}]
"""
PROGRAM = """\
program: train.py
command: ["${env}", python, "${program}", "${args_no_hyphens}"]
metrics: {file: out.json, pattern: 'loss=(?P<loss>.+)'}
seed_parameter: rng
metric: {name: loss, goal: minimize}
parameters:
  optimizer: {parameters: {lr: {values: [0.1, 1]}, name: [sgd, adam]}}
  task: {value: [1, null, a]}
  batch-size: [32, 64]
  dropout: 0.5
overrides: [{match: {batch-size: 64}, set: {dropout: no}}]
exclude: [{optimizer.lr: 1, optimizer.name: sgd}]
divergence: {metric: train_loss, max_loss: 3}
wandb: {name: "{optimizer.lr} {parameters.task}"}
labels: {sgd: SGD, dropout: {0.5: half}}
tables: [{rows: batch-size, columns: optimizer.name, tune: optimizer.lr, per: dropout}]
"""
SEARCH = """\
program: train:main
method: random
run_cap: 9
seed: 3
metric: {name: acc, goal: maximize}
parameters:
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  depth: {min: 1, max: 4}
  width: {distribution: q_normal, mu: 10, sigma: 3, q: 2}
  mix: {distribution: beta, a: 1, b: 2}
  opt: {values: [sgd, adam], probabilities: [0.3, 0.7]}
  seed: {values: [1, 2]}
exclude: [{opt: sgd}]
"""


def words() -> list[str]:
    """The parts of mutations: syntax of the languages, odd values, and the names of all keys."""
    from adaloss.grid.schema.schema import ExecutionSection, Grid, GridTable, Override, WandbSection
    from adaloss.records.result import EpochMetrics, TrialResult
    from adaloss.tasks.table import TASKS

    schemas = (
        *(task.fields for task in TASKS.values()),
        Grid,
        GridTable,
        Override,
        ExecutionSection,
        WandbSection,
    )
    records = (EpochMetrics, TrialResult)
    return [*SIGNS, *(name for schema in (*schemas, *records) for name in schema.model_fields)]


def grid_target() -> Target:
    """A function that reads bytes as a grid and expects a sweep or a well-formed GridError."""
    from adaloss.grid.sweep import GridError, load_sweep

    path = Path(tempfile.mkdtemp()) / "grid.yaml"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            load_sweep(path)
            return
        except GridError as error:
            caught = error
        lines = str(caught).splitlines()
        assert len(lines) == len(caught.problems) > 0
        assert all(line.startswith(f"{path}:") and line.isprintable() for line in lines)

    return read


FIELDS = {
    "dataset": "digits",
    "model": "mlp",
    "optimizer": "adaloss",
    "seed": 0,
    "lr": 1,
    "epochs": 1,
    "batch_size": 8,
}


def record_target() -> Target:
    """A function that reads bytes as records and expects a record or a CorruptRecordError."""
    from adaloss.records.content import parsed_history, parsed_result, parsed_trial
    from adaloss.records.file import CorruptRecordError
    from adaloss.tasks.table import trial_from

    path = Path("record")
    trial = trial_from(FIELDS)
    readers = (
        lambda content: parsed_result(content, path, trial),
        lambda content: parsed_history(content, path, trial),
        lambda content: parsed_trial(content, path),
    )

    def read(content: bytes) -> None:
        for reader in readers:
            printed = ""
            try:
                reader(content)
            except CorruptRecordError as error:
                printed = str(error)
            assert printed.isprintable()
            assert len(printed) < 1_000

    return read


def grid_seeds() -> list[bytes]:
    """A small grid with every section, and the shipped grids."""
    return [text.encode() for text in (GRID, PROGRAM, SEARCH)] * 9 + [
        path.read_bytes() for path in sorted((ROOT / "sweeps").glob("*.yaml"))
    ]


def record_seeds() -> list[bytes]:
    """A record of each kind."""
    from adaloss.records.result import Divergence, EpochMetrics, TrialResult, TrialState
    from adaloss.tasks.table import task_of, trial_from

    trial = trial_from(FIELDS)
    names = [name for name in task_of(trial).metric_names if name != "seconds"]
    epoch = EpochMetrics(epoch=1, step=10, values=dict.fromkeys(names, 0.5), seconds=0.5)
    result = TrialResult(
        trial_id=trial.trial_id,
        state=TrialState.DIVERGED,
        epochs=1,
        last=epoch,
        divergence=Divergence(epoch=1, step=2, loss=float("inf"), reason="not finite"),
        seconds=1.0,
        finished_at="2026-01-01T00:00:00+00:00",
    )
    lines = (epoch.model_dump_json() + "\n") * 2
    return [text.encode() for text in (result.model_dump_json(), lines, trial.model_dump_json())]


def mutated(
    content: bytes, seeds: Sequence[bytes], known: Sequence[str], chance: random.Random
) -> bytes:
    """The content after a few mutations: bytes and words inserted, removed, doubled or replaced."""
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice((0, 1, 2, 5, 20, 100)))
        other = chance.choice(seeds)
        cut = chance.randrange(len(other))
        inserted = chance.choice(
            (
                b"",
                bytes([chance.randrange(256)]),
                chance.choice(known).encode(),
                content[start:end] * chance.choice((2, 3, 50)),
                other[cut : cut + chance.choice((3, 30, 300))],
            )
        )
        content = content[:start] + inserted + content[end:]
    return content[:20_000]


def too_long(*_: object) -> None:
    """Ends an input that takes too long."""
    raise TimeoutError(f"more than {MOST_SECONDS} seconds")


def keep(content: bytes, corpus: Path) -> Path:
    """Put an input on disk."""
    path = corpus / f"crash-{hashlib.sha256(content).hexdigest()[:12]}"
    path.write_bytes(content)
    return path


def fuzz(target: Target, seeds: Sequence[bytes], seconds: float, corpus: Path, seed: int) -> int:
    """Mutate at random until the time is over, and return the number of inputs."""
    chance, known = random.Random(seed), words()
    signal.signal(signal.SIGALRM, too_long)
    pool, tried, end = list(seeds), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        content = mutated(chance.choice(pool), seeds, known, chance)
        tried += 1
        signal.alarm(MOST_SECONDS)
        try:
            target(content)
        except BaseException:
            print(f"after {tried:,} inputs: {keep(content, corpus)}")
            raise
        finally:
            signal.alarm(0)
        if chance.random() < 0.02:
            # Several mutations reach more code than one.
            pool = [*pool[:POOL], content] if len(pool) <= POOL else list(seeds)
    return tried


def fuzz_by_coverage(seeds: Sequence[bytes], seconds: float, corpus: Path, records: bool) -> None:
    """Fuzz guided by the coverage of the code. atheris ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["adaloss"]):
        target = record_target() if records else grid_target()
    for content in seeds:
        (corpus / hashlib.sha256(content).hexdigest()[:12]).write_bytes(content)
    dictionary = corpus / "words.dict"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words())
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
    limits = [f"-max_total_time={seconds:.0f}", f"-timeout={MOST_SECONDS}", "-rss_limit_mb=1000"]
    paths = [f"-dict={dictionary}", f"-artifact_prefix={corpus}/", "-max_len=20000", str(corpus)]
    atheris.Setup([sys.argv[0], *limits, *paths], target)
    atheris.Fuzz()


def main() -> None:
    """Fuzz one of the two readers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--records", action="store_true", help="records instead of grids")
    parser.add_argument("--corpus", type=Path, help="where inputs are kept; default: a new folder")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations, without atheris")
    options = parser.parse_args()
    corpus = options.corpus or Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = record_seeds() if options.records else grid_seeds()
    if importlib.util.find_spec("atheris") is not None:
        fuzz_by_coverage(seeds, options.seconds, corpus, options.records)
        return
    target = record_target() if options.records else grid_target()
    try:
        tried = fuzz(target, seeds, options.seconds, corpus, options.seed)
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None
    print(f"{tried:,} inputs, none of them a crash")


if __name__ == "__main__":
    main()
