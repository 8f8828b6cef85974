"""doctor reports what run refuses, in the same words."""

import subprocess
import sys

import pytest
from PIL import Image

HOLD = """\
import sys, time
from pathlib import Path
from adaloss.records.store import Store
from runners.preflight.run_lock import only_run
with only_run(Store(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def both_refuse(cli, grid):
    """Whether doctor and run refuse the grid with this sentence, and nothing has run."""

    def refuse(sentence, *options, extra="", change=("", "")):
        grid.write_text(grid.read_text().replace(*change) + extra)
        code, message, _ = cli("doctor", grid, *options)
        (line,) = [line for line in message.splitlines() if sentence in line]
        assert (code, line.split()[0]) == (2, "refused")
        code, message, errors = cli("run", grid, *options)
        assert (code, message) == (2, "")
        assert sentence in errors
        return not list(grid.parent.glob("results/*/trials/*"))

    return refuse


@pytest.fixture
def images(tmp_path):
    """An image folder with so many classes of a few small images."""

    def make(classes, parts=("",)):
        for part in parts:
            for name in "abc"[:classes]:
                folder = tmp_path / "data" / "pets" / part / name
                folder.mkdir(parents=True)
                for number in range(4):
                    Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
        return tmp_path / "data" / "pets"

    return make


def of_images(tmp_path):
    return {
        "change": ("dataset: digits", "dataset: imagefolder:pets\n  image_size: 8"),
        "extra": f"data: {{root: {tmp_path / 'data'}}}\n",
    }


@pytest.mark.parametrize("mode", ["offline", "online", "auto"])
def test_labels_that_wandb_refuses(both_refuse, mode):
    sentence = "the project 'a/b' must not contain /"
    assert both_refuse(sentence, "--wandb", mode, extra="wandb: {project: a/b}\n")


def test_labels_of_the_environment(both_refuse, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "100%")
    assert both_refuse("the project '100%' must not contain %", "--wandb", "offline")


def test_labels_are_nobodys_business_where_wandb_is_disabled(cli, grid):
    grid.write_text(grid.read_text() + "wandb: {project: a/b, mode: disabled}\n")
    assert cli("doctor", grid)[0] == 0


def test_images_that_are_not_there(both_refuse, tmp_path):
    assert both_refuse(f", {tmp_path / 'data' / 'pets'}", **of_images(tmp_path))


def test_images_of_one_class(both_refuse, images, tmp_path):
    sentence = f"{images(1)} has 1 class folders"
    assert both_refuse(sentence, **of_images(tmp_path))


def test_images_without_a_test_set(both_refuse, images, tmp_path):
    images(2, parts=("train",))
    assert both_refuse("has train/ but neither test/ nor val/", **of_images(tmp_path))


def test_a_class_without_images(both_refuse, images, tmp_path):
    folder = images(2)
    for path in (folder / "b").iterdir():
        path.unlink()
    assert both_refuse(f"{folder / 'b'} has no images", **of_images(tmp_path))


def test_an_image_that_cannot_be_read(both_refuse, images, tmp_path):
    broken = images(2) / "b" / "1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    assert both_refuse(f"{broken} cannot be read as an image", **of_images(tmp_path))


def test_images_that_are_in_order(cli, grid, images, tmp_path):
    images(2)
    changes = of_images(tmp_path)
    grid.write_text(grid.read_text().replace(*changes["change"]) + changes["extra"])
    assert cli("doctor", grid)[0] == 0


def test_weights_that_are_not_there(both_refuse):
    change = ("model: mlp", "model: mlp\n  pretrained: none.safetensors")
    assert both_refuse("none.safetensors", change=change)


def test_results_that_another_run_has(both_refuse, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "results" / "small"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        sentence = f"another run is using results/small (process {process.pid} on "
        assert both_refuse(sentence)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_storage_that_is_a_file(both_refuse, tmp_path):
    (tmp_path / "file").write_text("")
    assert both_refuse("file/small cannot be used: ", "--storage", "file")


def test_a_table_that_cannot_be_compiled(both_refuse):
    assert both_refuse(
        "there is no epoch 9: the trials have 2",
        "--only",
        "seed=0",
        extra="metric: {name: test/top1, at: epoch 9}\n",
    )


def test_doctor_makes_nothing(cli, grid, images, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images(2)
    changes = of_images(tmp_path)
    grid.write_text(grid.read_text().replace(*changes["change"]) + changes["extra"])
    assert cli("doctor", grid)[0] == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"grid.yaml", "data", "home"}
