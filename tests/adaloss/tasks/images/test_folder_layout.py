"""Which folders of images are parts of a data set, and which are its classes."""

import pytest
from PIL import Image

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.tasks.data.parts import TEST, TRAIN, VALIDATION
from adaloss.tasks.images.data.sources.folder_layout import DECODING, image_paths, images_digest
from adaloss.tasks.images.data_sets import image_folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def write(folder, *inside, classes=("cat", "dog")):
    """An image for each class in each of these folders."""
    for part in inside:
        for number, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            Image.new("RGB", (4, 4), (50 * number, 9, 9)).save(folder / part / name / "0.png")


@pytest.mark.parametrize(
    ("folders", "parts"),
    [
        (("train", "test"), [TRAIN, TEST]),
        (("train", "val", "test"), [TRAIN, VALIDATION, TEST]),
        (("train", "val"), [TRAIN, TEST]),
        (("Training", "Testing"), [TRAIN, TEST]),
        (("Train", "valid", "TEST"), [TRAIN, VALIDATION, TEST]),
        (("train", "validation", "test"), [TRAIN, VALIDATION, TEST]),
    ],
)
def test_parts_have_the_usual_names(tmp_path, folders, parts):
    write(tmp_path, *folders)
    paths, labels, found, classes = image_paths(tmp_path)
    assert classes == ["cat", "dog"]
    assert labels == [0, 1] * len(parts)
    assert found == [part for part in parts for _ in classes]
    assert [path.relative_to(tmp_path).parts[0] for path in paths[::2]] == list(folders)
    assert "has 2 classes in" in image_folder(f"imagefolder:{tmp_path}", Places(data_root=tmp_path))


@pytest.mark.parametrize("classes", [("invalid", "valid"), ("Control", "Test"), ("Train", "ship")])
def test_classes_may_have_the_name_of_a_part(tmp_path, classes):
    write(tmp_path, "", classes=classes)
    _, labels, parts, found = image_paths(tmp_path)
    assert (labels, parts, found) == ([0, 1], [TRAIN, TRAIN], sorted(classes))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train",), "has train/ but neither test/ nor val/"),
        (("train", "dev"), "has train/ but neither test/ nor val/"),
        (("val", "other"), "has val/ but no train/"),
        (("train", "test", "dev"), "has images in dev/ beside test/, train/: move them away"),
        (("train", "val", "valid", "test"), "for one part: test/, train/, val/, valid/; leave one"),
    ],
)
def test_what_is_no_part_is_refused(tmp_path, folders, message):
    write(tmp_path, *folders)
    with pytest.raises(DataError, match=message):
        image_paths(tmp_path)


def test_folders_without_images_may_be_beside_the_parts(tmp_path):
    write(tmp_path, "train", "test")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "boxes.xml").touch()
    assert len(image_paths(tmp_path)[0]) == 4


def test_what_was_prepared_as_classes_is_prepared_again_as_parts(tmp_path):
    write(tmp_path, "train", "val")
    usual = images_digest(tmp_path)
    for name in ("train", "val"):
        (tmp_path / name).rename(tmp_path / name.capitalize())
    assert images_digest(tmp_path).split("-")[:-1] == [str(DECODING), "Train", "Val"]
    assert usual.split("-")[:-1] == [str(DECODING)]


def test_images_in_a_folder_that_a_link_leads_to_are_read(tmp_path):
    write(tmp_path / "pets", "")
    write(tmp_path, "elsewhere", classes=("older/cats",))
    before = images_digest(tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    # It has no end, and nothing that is not read already.
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "pets" / "cat")
    paths, labels, _, _ = image_paths(tmp_path / "pets")
    names = [path.relative_to(tmp_path / "pets").as_posix() for path in paths]
    assert names == ["cat/0.png", "cat/more/older/cats/0.png", "dog/0.png"]
    assert labels == [0, 0, 1]
    assert images_digest(tmp_path / "pets") != before


def test_links_to_images_may_be_beside_the_parts(tmp_path):
    write(tmp_path, "train", "test")
    (tmp_path / "chosen").mkdir()
    (tmp_path / "chosen" / "cats").symlink_to(tmp_path / "train" / "cat")
    assert len(image_paths(tmp_path)[0]) == 4
