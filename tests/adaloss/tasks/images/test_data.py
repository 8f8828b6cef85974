"""Data sets: balanced splits, files that are missing or damaged, the user's own images."""

import gzip
import os
import struct
import subprocess
import sys
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from adaloss.errors import DataError
from adaloss.records.places import Places, data_root, prepared_folder
from adaloss.tasks.data.parts import TEST, TRAIN, VALIDATION
from adaloss.tasks.data.split import balanced_split, balanced_subset, split_indices
from adaloss.tasks.images.data.counts import KNOWN, split_sizes
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data.sources.digits import load_digits
from adaloss.tasks.images.data.sources.image_folder import load_image_folder
from adaloss.tasks.images.data.sources.raw import RawDataset
from adaloss.tasks.images.data.sources.vision import is_there
from adaloss.tasks.images.data.splits import fetch_and_prepare, load_splits, spec_of
from adaloss.tasks.images.dataset_names import DATASET_NAMES

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=300).map(torch.tensor)
HAS_CIFAR100 = is_there("cifar100", Path(os.environ.get("ADALOSS_DATA", "/nowhere")))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def raw_of(labels, parts=None):
    return RawDataset(
        images=torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8),
        labels=labels,
        parts=torch.full_like(labels, TRAIN) if parts is None else parts,
        classes=int(labels.max()) + 1,
        mean=(0.0,),
        std=(1.0,),
    )


def test_digits_are_those_of_scikit_learn():
    from sklearn import datasets

    theirs, ours = datasets.load_digits(), load_digits()
    assert torch.equal(ours.images[..., 0].double() / 15, torch.from_numpy(theirs.images))
    assert torch.equal(ours.labels, torch.from_numpy(theirs.target))


def test_every_data_set_has_a_name_and_every_name_a_data_set():
    assert {"digits", *VISION_DATASETS} == set(DATASET_NAMES)


@given(labels=LABELS, seed=st.integers(0, 2**40))
def test_a_split_is_complete_disjoint_and_balanced(labels, seed):
    parts = balanced_split(labels, 5, seed, (0.15, 0.20))
    assert torch.cat(parts).sort()[0].tolist() == list(range(len(labels)))
    for part, fraction in zip(parts[1:], (0.15, 0.20), strict=True):
        for label in range(5):
            wanted = fraction * int((labels == label).sum())
            assert abs(int((labels[part] == label).sum()) - wanted) <= 0.5


def test_the_split_depends_on_its_own_seed_alone():
    raw = load_digits()
    first, again, other = (split_indices(raw, seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_a_given_test_set_stays_one_and_a_tenth_of_each_class_validates():
    labels = torch.arange(5).repeat(120)
    parts = torch.tensor([TRAIN] * 500 + [TEST] * 100)
    train, validation, test = split_indices(raw_of(labels, parts), split_seed=0)
    assert test.tolist() == list(range(500, 600))
    assert torch.bincount(labels[train]).tolist() == [90] * 5
    assert torch.bincount(labels[validation]).tolist() == [10] * 5


def test_a_given_validation_set_stays_one():
    labels = torch.arange(2).repeat(6)
    parts = torch.tensor([TRAIN] * 6 + [VALIDATION] * 4 + [TEST] * 2)
    train, validation, test = split_indices(raw_of(labels, parts), split_seed=0)
    assert [len(train), len(validation), len(test)] == [6, 4, 2]


@given(labels=LABELS, count=st.integers(1, 400), seed=st.integers(0, 2**40))
def test_a_subset_is_balanced_and_within_a_larger_one(labels, count, seed):
    chosen = balanced_subset(labels, 5, count, seed)
    assert len(chosen) == min(count, len(labels))
    assert set(chosen.tolist()) <= set(balanced_subset(labels, 5, count + 1, seed).tolist())
    there = torch.bincount(labels, minlength=5)
    taken = torch.bincount(labels[chosen], minlength=5)
    # A class gives fewer than another only when it has no more.
    assert all(t == n or t >= taken.max() - 1 for t, n in zip(taken, there, strict=True))


def test_a_trials_own_seed_splits_where_it_asks_for_that(make_trial):
    assert spec_of(make_trial(split_seed="trial", seed=7)).split_seed == 7
    assert spec_of(make_trial(split_seed=3, seed=7)).split_seed == 3


def test_fewer_examples_are_what_a_trial_trains_on(make_trial, tmp_path):
    trial = make_trial(train_examples=100, eval_examples=50)
    splits = load_splits(spec_of(trial, Places(data_root=tmp_path)), tmp_path, "cpu")
    sizes = [len(splits.train), len(splits.validation), len(splits.test)]
    assert sizes == [100, 50, 50]
    assert torch.bincount(splits.train.labels).tolist() == [10] * 10


def test_the_root_is_the_grids_then_the_environments_then_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ADALOSS_DATA", str(tmp_path / "environment"))
    assert data_root("/declared") == Path("/declared")
    assert data_root(None) == tmp_path / "environment"
    monkeypatch.delenv("ADALOSS_DATA")
    assert data_root(None).is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize("examples", [{}, {"train_examples": 10}, {"eval_examples": 5}])
@pytest.mark.parametrize("split_seed", [0, 7])
def test_the_sizes_of_the_parts_are_known_beforehand(make_trial, tmp_path, examples, split_seed):
    write_images(tmp_path / "split", count=33)
    (tmp_path / "split" / "cat" / "0.png").unlink()
    for part, count in (("train", 23), ("val", 4), ("test", 7)):
        write_images(tmp_path / "three" / part, classes=("ant", "bee", "cow"), count=count)
        if part != "val":
            write_images(tmp_path / "two" / part, count=count)
        if part != "test":
            write_images(tmp_path / "as in ImageNet" / part, count=count)
    folders = ("split", "two", "three", "as in ImageNet")
    for dataset in ("digits", *(f"imagefolder:{folder}" for folder in folders)):
        trial = make_trial(dataset=dataset, image_size=8, split_seed=split_seed, **examples)
        places = Places(data_root=tmp_path)
        splits = load_splits(spec_of(trial, places), tmp_path, "cpu")
        sizes = split_sizes(trial, places)
        found = [len(splits.train), len(splits.validation), len(splits.test)]
        assert [sizes.train, sizes.validation, sizes.test] == found


@pytest.mark.parametrize("name", sorted(VISION_DATASETS))
def test_the_known_sizes_are_the_published_ones(make_trial, name):
    counts, about = KNOWN[name], VISION_DATASETS[name]
    assert (sum(counts[TRAIN]), sum(counts[TEST])) == about.examples
    assert [len(counts[part]) for part in (TRAIN, TEST)] == [about.classes] * 2
    sizes = split_sizes(make_trial(dataset=name), Path("unused"))
    assert (sizes.train + sizes.validation, sizes.test) == about.examples


def test_the_sizes_need_neither_torch_nor_pillow():
    code = (
        "import sys, adaloss.tasks.images.data.counts\n"
        "print({'torch', 'numpy', 'PIL', 'torchvision'} & set(sys.modules))"
    )
    message = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert message.stdout == "set()\n"


# --- MNIST in small: the files of the published format, with fewer images -------------------


def write_mnist(root, monkeypatch, train=300, test=100):
    """Digits in the published format, as if they were all of MNIST."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, count, 28, 28) + images.tobytes()
        )
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, count) + labels.tobytes()
        )
    about = VISION_DATASETS["mnist"]
    fewer = {**vars(about), "examples": (train, test)}
    monkeypatch.setitem(VISION_DATASETS, "mnist", type(about)(**fewer))
    return folder


def test_prepared_images_are_those_of_the_files_and_are_prepared_once(
    make_trial, tmp_path, monkeypatch
):
    folder = write_mnist(tmp_path, monkeypatch)
    spec = spec_of(make_trial(dataset="mnist"))
    fetch_and_prepare(spec, tmp_path)
    (prepared,) = prepared_folder().glob("mnist-*.safetensors")
    before = prepared.stat().st_mtime_ns
    splits = load_splits(spec, tmp_path, "cpu")
    stored = (folder / "train-images-idx3-ubyte").read_bytes()[16:]
    assert splits.train.images[:300].numpy().tobytes() == stored
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [270, 30, 100]
    assert prepared.stat().st_mtime_ns == before


def test_a_replaced_file_is_prepared_anew(make_trial, tmp_path, monkeypatch):
    folder = write_mnist(tmp_path, monkeypatch)
    spec = spec_of(make_trial(dataset="mnist"))
    fetch_and_prepare(spec, tmp_path)
    images = folder / "train-images-idx3-ubyte"
    content = bytearray(images.read_bytes())
    content[16:] = bytes(len(content) - 16)
    images.write_bytes(content)
    os.utime(images, ns=(1, 1))
    assert int(load_splits(spec, tmp_path, "cpu").train.images[:300].sum()) == 0


def test_a_prepared_file_that_is_cut_off_is_made_again(make_trial, tmp_path, monkeypatch):
    write_mnist(tmp_path, monkeypatch)
    spec = spec_of(make_trial(dataset="mnist"))
    fetch_and_prepare(spec, tmp_path)
    (prepared,) = prepared_folder().glob("mnist-*.safetensors")
    prepared.write_bytes(prepared.read_bytes()[:1000])
    assert len(load_splits(spec, tmp_path, "cpu").train) == 270


def test_a_cache_that_cannot_be_written_is_named(make_trial, tmp_path, monkeypatch):
    write_mnist(tmp_path, monkeypatch)
    # In the way of the folder, which even root cannot write through.
    (tmp_path / "cache").write_text("")
    with pytest.raises(DataError, match=r"cannot be prepared as .* XDG_CACHE_HOME"):
        fetch_and_prepare(spec_of(make_trial(dataset="mnist")), tmp_path)


def test_damaged_files_are_named(make_trial, tmp_path, monkeypatch):
    folder = write_mnist(tmp_path, monkeypatch)
    (folder / "t10k-images-idx3-ubyte").write_bytes(b"no images")
    with pytest.raises(DataError, match=r"MNIST/raw are damaged .* delete that folder"):
        fetch_and_prepare(spec_of(make_trial(dataset="mnist")), tmp_path)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_lack_of_memory_is_no_damage(make_trial, tmp_path, monkeypatch, error):
    def lack(*_, **__):
        raise error

    write_mnist(tmp_path, monkeypatch)
    monkeypatch.setattr("torchvision.datasets.MNIST", lack)
    with pytest.raises(type(error)) as raised:
        fetch_and_prepare(spec_of(make_trial(dataset="mnist")), tmp_path)
    assert raised.value is error


def test_damaged_cifar_files_are_known_by_their_checksum(make_trial, tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test", "meta"):
        (folder / name).write_bytes(b"not what was published")
    with pytest.raises(DataError, match="cifar-100-python are damaged"):
        fetch_and_prepare(spec_of(make_trial(dataset="cifar100")), tmp_path)


@pytest.mark.parametrize("name", sorted(VISION_DATASETS))
def test_without_network_and_files_the_error_says_what_to_put_where(
    make_trial, tmp_path, monkeypatch, name
):
    def no_network(*arguments, **named):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(DataError) as caught:
        fetch_and_prepare(spec_of(make_trial(dataset=name)), tmp_path)
    printed = str(caught.value)
    about = VISION_DATASETS[name]
    for needed in (str(tmp_path), about.archives[0], about.files[0], "ADALOSS_DATA", "data.root"):
        assert needed in printed


def test_an_archive_that_is_not_the_published_one_is_not_used(make_trial, tmp_path, monkeypatch):
    folder = write_mnist(tmp_path, monkeypatch)
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    def no_network(*arguments, **named):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(DataError, match="cannot be downloaded"):
        fetch_and_prepare(spec_of(make_trial(dataset="mnist")), tmp_path)


def test_a_trial_never_downloads(make_trial, tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("downloads"))
    with pytest.raises(DataError, match="`adaloss-sweep run` downloads it"):
        load_splits(spec_of(make_trial(dataset="cifar10")), tmp_path, "cpu")


@pytest.mark.skipif(
    not HAS_CIFAR100, reason="ADALOSS_DATA does not name a folder with cifar-100-python"
)
def test_real_cifar100_splits_450_to_50_per_class(make_trial):
    root = Path(os.environ["ADALOSS_DATA"])
    spec = spec_of(make_trial(dataset="cifar100"))
    splits = load_splits(spec, root, "cpu")
    counts = [torch.bincount(part.labels) for part in (splits.train, splits.validation)]
    assert [set(count.tolist()) for count in counts] == [{450}, {50}]
    assert len(splits.test) == 10_000
    pixels = splits.train.images[: 50_000 // 10].double() / 255
    assert torch.allclose(pixels.mean((0, 1, 2)), torch.tensor(splits.mean).double(), atol=0.01)


# --- The user's own images -------------------------------------------------------------------


def write_images(folder, classes=("cat", "dog"), count=10, size=(40, 30)):
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            colour = (10 * index, 100 * number, 50)
            Image.new("RGB", size, colour).save(folder / name / f"{index}.png")


def test_an_image_folder_is_split_like_any_data_set(make_trial, tmp_path):
    write_images(tmp_path / "pets")
    trial = make_trial(dataset="imagefolder:pets", image_size=24)
    spec = spec_of(trial, Places(data_root=tmp_path))
    fetch_and_prepare(spec, tmp_path)
    splits = load_splits(spec, tmp_path, "cpu")
    assert splits.train.images.shape == (20, 24, 24, 3)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [12, 4, 4]


def test_given_parts_are_kept(make_trial, tmp_path):
    for part, count in (("train", 20), ("test", 3)):
        write_images(tmp_path / "pets" / part, count=count)
    spec = spec_of(make_trial(dataset="imagefolder:pets", resize=24), Places(data_root=tmp_path))
    splits = load_splits(spec, tmp_path, "cpu")
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [36, 4, 6]


def test_images_are_torchvisions_resized_centre_squares(tmp_path):
    from torchvision.transforms import functional as theirs

    write_images(tmp_path, count=1)
    pixels = np.random.default_rng(0).integers(0, 256, (57, 91, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat" / "0.png")
    loaded = load_image_folder(tmp_path, 32, "bilinear")
    image = theirs.center_crop(theirs.resize(Image.fromarray(pixels), 32), 32)
    assert np.array_equal(loaded.images[0].numpy(), np.asarray(image))


def test_an_image_folders_constants_are_those_of_its_training_images(tmp_path):
    write_images(tmp_path / "train", count=3)
    write_images(tmp_path / "test", count=1)
    loaded = load_image_folder(tmp_path, 16, "bilinear")
    train = loaded.images[loaded.parts == TRAIN].double() / 255
    assert loaded.mean == pytest.approx(train.mean((0, 1, 2)).tolist(), abs=1e-4)
    assert loaded.std == pytest.approx(
        train.std((0, 1, 2), correction=0).clamp_min(1e-3).tolist(), abs=1e-4
    )


def test_mistakes_in_an_image_folder_are_named(tmp_path, make_trial):
    def load():
        places = Places(data_root=tmp_path)
        spec = spec_of(make_trial(dataset="imagefolder:pets", image_size=8), places)
        load_splits(spec, tmp_path, "cpu")

    with pytest.raises(DataError, match=r"there is no folder .*pets"):
        load()
    write_images(tmp_path / "pets", classes=("cat",))
    with pytest.raises(DataError, match="1 class folders"):
        load()
    (tmp_path / "pets" / "dog").mkdir()
    with pytest.raises(DataError, match=r"pets/dog has no images"):
        load()
    (tmp_path / "pets" / "dog" / "1.GIF").touch()
    with pytest.raises(DataError, match=r"dog/1\.GIF has a format that is not read"):
        load()
    (tmp_path / "pets" / "dog" / "1.GIF").unlink()
    (tmp_path / "pets" / "dog" / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"dog/0\.png cannot be read as an image"):
        load()
    (tmp_path / "pets" / "train").mkdir()
    with pytest.raises(DataError, match="neither test/ nor val/"):
        load()


def test_an_image_folder_needs_a_size(make_trial, tmp_path):
    (tmp_path / "pets").mkdir()
    with pytest.raises(DataError, match="write resize or image_size"):
        spec_of(make_trial(dataset="imagefolder:pets"), Places(data_root=tmp_path))
