"""Every mode that Pillow opens gives the pixels of the same picture in 8-bit RGB, or is refused."""

import io
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from image_files import png_file, tiff_file
from PIL import Image, ImageCms

from adaloss.errors import DataError
from adaloss.records.places import Places, prepared_folder
from adaloss.tasks.images.data.sources.decoding import converted, eight_bits, rgb_image
from adaloss.tasks.images.data.sources.folder_layout import DECODING
from adaloss.tasks.images.data.sources.image_folder import load_image_folder
from adaloss.tasks.images.data.splits import fetch_and_prepare, load_splits, spec_of

# Not square, and no mirror image or quarter turn of itself.
COLOURS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = np.ascontiguousarray(COLOURS[..., 0])
WIDE = GREY.astype(np.uint16) * 257
ALPHA = np.ascontiguousarray(COLOURS[..., 1])


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def read(path):
    return np.asarray(rgb_image(path)).astype(int)


def as_rgb(grey):
    return np.dstack([grey] * 3).astype(int)


def on_white(colours, alpha):
    share = alpha[..., None] / 255
    return colours * share + 255 * (1 - share)


def written(content, path):
    path.write_bytes(content)
    return path


# --- Grey of 16 bits ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_16_bits_are_the_same_picture_in_8(tmp_path, name):
    Image.fromarray(WIDE).save(tmp_path / name)
    assert np.array_equal(read(tmp_path / name), as_rgb(GREY))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_16_bits_are_too(tmp_path, compression):
    Image.fromarray(WIDE).save(tmp_path / "a.tif", compression=compression)
    assert np.array_equal(read(tmp_path / "a.tif"), as_rgb(GREY))


@pytest.mark.parametrize("order", "<>")
def test_either_order_of_bytes_gives_the_same(tmp_path, order):
    path = written(tiff_file(WIDE, 1, order=order), tmp_path / "a.tif")
    assert np.array_equal(read(path), as_rgb(GREY))


def test_a_tiff_whose_white_is_zero_is_turned_over(tmp_path):
    for name, pixels in (("8", 255 - GREY), ("16", 65535 - WIDE)):
        path = written(tiff_file(pixels, 0), tmp_path / f"{name}.tif")
        assert np.array_equal(read(path), as_rgb(GREY))


def test_a_file_that_states_its_range_is_scaled_by_that(tmp_path):
    twelve = np.round(GREY * (4095 / 255)).astype(np.uint16)
    tiff = written(tiff_file(twelve, 1, bits=12), tmp_path / "a.tif")
    lines = "\n".join(" ".join(map(str, row)) for row in twelve.tolist())
    pgm = written(f"P2 8 6 4095\n{lines}\n".encode(), tmp_path / "a.pgm")
    for path in (tiff, pgm):
        assert np.array_equal(read(path), as_rgb(GREY))


@given(values=arrays(np.uint16, (4, 5)))
def test_the_scale_is_255_to_65535_for_every_image(values):
    made = np.asarray(eight_bits(Image.fromarray(values), 65535, inverted=False))[..., 0]
    assert np.array_equal(made, np.round(values.astype(float) * 255 / 65535))


def test_two_classes_of_16_bits_stay_two(tmp_path):
    generator = np.random.default_rng(0)
    for name, mean in (("dark", 8_000), ("bright", 28_000)):
        (tmp_path / name).mkdir()
        for index in range(5):
            pixels = generator.normal(mean, 1_000, (16, 16)).astype(np.uint16)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    loaded = load_image_folder(tmp_path, 16, "bilinear")
    bright, dark = (loaded.images[loaded.labels == label].double().mean() for label in (0, 1))
    assert bright == pytest.approx(28_000 / 257, abs=1)
    assert dark == pytest.approx(8_000 / 257, abs=1)


# --- Every other mode -----------------------------------------------------------------------

IN_COLOUR = ("RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "RGBa")
IN_GREY = ("L", "LA", "La", "I;16", "I;16L", "I;16B")


@pytest.mark.parametrize("mode", IN_COLOUR + IN_GREY)
def test_a_mode_gives_the_pixels_of_the_same_picture(mode):
    """Converted there by Pillow or by hand, and back by what reads image files."""
    expected = COLOURS if mode in IN_COLOUR else np.dstack([GREY] * 3)
    if mode.startswith("I;16"):
        image = Image.frombytes(mode, (8, 6), WIDE.astype(f"{'>' if 'B' in mode else '<'}u2"))
    elif mode in ("La", "RGBa"):
        image = Image.fromarray(expected).convert({"La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    else:
        image = Image.fromarray(expected).convert(mode)
    made = np.asarray(converted(Image.open(io.BytesIO(png_file(GREY, 0))), image, 8)).astype(int)
    # HSV has 256 hues for six times as many, and Pillow's way to YCbCr and back loses up to 3.
    assert np.abs(made - expected).max() <= {"HSV": 8, "YCbCr": 3}.get(mode, 0)


def test_palettes_and_black_and_white(tmp_path):
    few = Image.fromarray(COLOURS).quantize(16)
    for name in ("a.png", "a.tif", "a.bmp"):
        few.save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name), np.asarray(few.convert("RGB")))
    two = Image.fromarray(np.where(GREY > 127, 255, 0).astype(np.uint8)).convert("1", dither=0)
    for name in ("b.png", "b.tif", "b.bmp", "b.pbm.ppm"):
        two.save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name), as_rgb(np.where(GREY > 127, 255, 0)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.tif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.bmp", {}),
        ("a.ppm", {}),
        ("a.webp", {"lossless": True}),
    ],
)
def test_a_picture_that_was_right_keeps_its_pixels(tmp_path, name, options):
    for image in (Image.fromarray(COLOURS), Image.fromarray(GREY)):
        image.save(tmp_path / name, **options)
        with Image.open(tmp_path / name) as opened:
            assert np.array_equal(read(tmp_path / name), np.asarray(opened.convert("RGB")))


def test_a_jpeg_in_cmyk_is_read_by_adobes_marker(tmp_path):
    flat = Image.new("RGB", (32, 32), (200, 60, 20))
    flat.convert("CMYK").save(tmp_path / "a.jpg", quality=100, subsampling=0)
    assert np.abs(read(tmp_path / "a.jpg") - (200, 60, 20)).max() <= 4
    flat.convert("CMYK").save(tmp_path / "a.tif")
    assert np.abs(read(tmp_path / "a.tif") - (200, 60, 20)).max() <= 1
    content = (tmp_path / "a.jpg").read_bytes()
    start = content.index(b"\xff\xee")
    length = int.from_bytes(content[start + 2 : start + 4], "big")
    (tmp_path / "a.jpg").write_bytes(content[:start] + content[start + 2 + length :])
    with pytest.raises(DataError, match=r"a\.jpg: it is a CMYK JPEG without an Adobe marker"):
        rgb_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    "kind", ["colours", "with alpha", "premultiplied", "something else", "cmyk"]
)
def test_16_bit_colours_of_a_tiff_are_within_a_level(tmp_path, order, kind):
    colours = COLOURS.astype(np.uint16) * 257
    alpha = np.full_like(WIDE, 65535)
    alpha[:, ::2] = 32768
    expected = COLOURS.astype(float)
    photometric, extra, stored = 2, (), colours
    if kind == "something else":
        extra, stored = (0,), np.dstack([colours, alpha])
    elif kind == "with alpha":
        extra, stored = (2,), np.dstack([colours, alpha])
        expected = on_white(COLOURS, alpha / 257)
    elif kind == "premultiplied":
        premultiplied = (colours * (alpha[..., None] / 65535)).astype(np.uint16)
        extra, stored = (1,), np.dstack([premultiplied, alpha])
        expected = on_white(COLOURS, alpha / 257)
    elif kind == "cmyk":
        photometric, stored = 5, np.dstack([65535 - colours, np.zeros_like(WIDE)])
    content = tiff_file(stored, photometric, order=order, extra=extra)
    assert np.abs(read(written(content, tmp_path / "a.tif")) - expected).max() <= 2


def test_16_bit_colours_of_a_png_are_within_a_level(tmp_path):
    colours = COLOURS.astype(np.uint16) * 257
    plain = written(png_file(colours, 2, bits=16), tmp_path / "rgb.png")
    assert np.abs(read(plain) - COLOURS).max() <= 1
    alpha = ALPHA.astype(np.uint16) * 257
    for name, pixels, kind, expected in (
        ("la.png", np.dstack([WIDE, alpha]), 4, as_rgb(GREY)),
        ("rgba.png", np.dstack([colours, alpha]), 6, COLOURS),
    ):
        path = written(png_file(pixels, kind, bits=16), tmp_path / name)
        assert np.abs(read(path) - on_white(expected, ALPHA)).max() <= 1


# --- What is transparent --------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), [("a.png", {}), ("a.webp", {"lossless": True})])
def test_what_is_transparent_stands_on_white(tmp_path, name, options):
    image = Image.fromarray(np.dstack([COLOURS, ALPHA]))
    image.save(tmp_path / name, exact=True, **options)
    assert np.abs(read(tmp_path / name) - on_white(COLOURS, ALPHA)).max() <= 1


def test_grey_with_alpha_and_palettes_with_alpha(tmp_path):
    Image.fromarray(np.dstack([GREY, ALPHA])).save(tmp_path / "la.png")
    assert np.abs(read(tmp_path / "la.png") - on_white(as_rgb(GREY), ALPHA)).max() <= 1
    few = Image.fromarray(COLOURS).quantize(4)
    alphas = bytes([0, 100, 200, 255])
    few.save(tmp_path / "p.png", transparency=alphas)
    alpha = np.frombuffer(alphas, np.uint8)[np.asarray(few)]
    expected = on_white(np.asarray(few.convert("RGB")), alpha)
    assert np.abs(read(tmp_path / "p.png") - expected).max() <= 1
    few.save(tmp_path / "one.png", transparency=2)
    expected = on_white(np.asarray(few.convert("RGB")), np.where(np.asarray(few) == 2, 0, 255))
    assert np.array_equal(read(tmp_path / "one.png"), expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_found_at_every_depth(tmp_path, bits):
    most = 2**bits - 1
    values = np.arange(8 * 6).reshape(6, 8) % (most + 1) * (1 if bits < 16 else 1000)
    key = int(values[0, 1])
    content = png_file(values, 0, bits=bits, transparent=key.to_bytes(2, "big"))
    expected = np.where(values == key, 255, np.round(values * 255 / most))
    path = written(content, tmp_path / "a.png")
    assert np.array_equal(read(path), as_rgb(expected))


def test_the_transparent_colour_of_a_png(tmp_path):
    key = COLOURS[2, 3]
    transparent = b"".join(int(value).to_bytes(2, "big") for value in key)
    path = written(png_file(COLOURS, 2, transparent=transparent), tmp_path / "a.png")
    is_key = (key == COLOURS).all(axis=-1)
    assert np.array_equal(read(path), np.where(is_key[..., None], 255, COLOURS))
    wide = png_file(COLOURS.astype(np.uint16) * 257, 2, bits=16, transparent=transparent)
    with pytest.raises(DataError, match=r"b\.png: it is a 16-bit PNG with one transparent colour"):
        rgb_image(written(wide, tmp_path / "b.png"))


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    opaque = np.full_like(ALPHA, 255)
    Image.fromarray(np.dstack([COLOURS, opaque])).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png"), COLOURS)


def test_an_image_of_which_nothing_is_seen_is_refused(tmp_path):
    Image.fromarray(np.dstack([COLOURS, np.zeros_like(ALPHA)])).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png: it is completely transparent"):
        rgb_image(tmp_path / "a.png")


# --- Orientation ----------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "wide.png", "wide.tif"])
def test_an_image_is_turned_as_its_camera_says(tmp_path, name, orientation):
    pixels = WIDE if name.startswith("wide") else GREY
    if name == "a.jpg":
        # Blocks of its own size: what JPEG loses is no matter then.
        pixels = np.kron(np.array([[0, 60, 120], [180, 220, 255]]), np.ones((16, 16))).astype("u1")
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / name, exif=exif, **({"lossless": True} if "webp" in name else {}))
    upright = pixels // 257 if name.startswith("wide") else pixels
    turns = {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.T,
        6: np.rot90(upright, -1),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright),
    }
    made = read(tmp_path / name)
    expected = as_rgb(turns[orientation])
    assert made.shape == expected.shape
    assert np.abs(made - expected).max() <= 2


# --- What is refused, by name ---------------------------------------------------------------


def test_pixels_without_a_stated_range_are_refused(tmp_path):
    floats, whole = (GREY / 255).astype(np.float32), GREY.astype(np.int32) * 1000
    Image.fromarray(floats).save(tmp_path / "f.tif")
    Image.fromarray(whole).save(tmp_path / "i.tif")
    written(tiff_file(WIDE.astype(np.int16), 1, form=2), tmp_path / "signed.tif")
    for name, printed in (("f.tif", "floats"), ("i.tif", "integers"), ("signed.tif", "integers")):
        wanted = rf"{name}: its pixels are .*{printed}.*one scale for all images, or remove it"
        with pytest.raises(DataError, match=wanted):
            rgb_image(tmp_path / name)


def test_what_pillow_mixes_up_or_cannot_open_is_refused(tmp_path):
    colours = COLOURS.astype(np.uint16) * 257
    files = {
        "planar.tif": (tiff_file(colours, 2, planar=2), "it is a planar TIFF with 16-bit channels"),
        "lab.tif": (tiff_file(COLOURS, 8), "mode LAB"),
        "double.tif": (tiff_file(GREY.astype(np.float64), 1, form=3), "cannot be read as an image"),
        "channels.tif": (tiff_file(np.dstack([GREY] * 5), 1, extra=(0,) * 4), "cannot be read"),
        "empty.ppm": (b"P6 0 0 255\n", "cannot be read"),
        "nothing.png": (b"", "cannot be read"),
        "cut.png": (png_file(COLOURS, 2)[:60], "cannot be read"),
        "text.jpg": (b"no image", "cannot be read"),
    }
    for name, (content, printed) in files.items():
        with pytest.raises(DataError, match=rf"{name}.*{printed}"):
            rgb_image(written(content, tmp_path / name))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"])
def test_a_file_that_is_cut_off_is_refused(tmp_path, name):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    written(content[: len(content) // 2], tmp_path / name)
    with pytest.raises(DataError, match=rf"{name} cannot be read as an image"):
        rgb_image(tmp_path / name)


def test_a_lack_of_memory_is_no_damage(tmp_path, monkeypatch):
    def lack(*_):
        raise MemoryError

    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "open", lack)
    with pytest.raises(MemoryError):
        rgb_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.webp"])
def test_a_file_of_several_pictures_is_refused(tmp_path, name):
    first, second = (Image.fromarray(pixels) for pixels in (COLOURS, COLOURS[::-1]))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    with pytest.raises(DataError, match=rf"{name}: it has 2 frames or pages"):
        rgb_image(tmp_path / name)


def test_thumbnails_and_previews_are_no_pictures_of_their_own(tmp_path):
    whole, small = Image.fromarray(COLOURS), Image.fromarray(COLOURS[::2, ::2])
    whole.save(tmp_path / "a.tif", save_all=True, append_images=[marked_as_smaller(small)])
    assert np.array_equal(read(tmp_path / "a.tif"), COLOURS)
    marked_as_smaller(small).save(tmp_path / "b.tif", save_all=True, append_images=[whole])
    assert np.array_equal(read(tmp_path / "b.tif"), COLOURS)
    flat = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    flat[0].save(tmp_path / "c.jpg", format="MPO", save_all=True, append_images=flat[1:])
    assert np.abs(read(tmp_path / "c.jpg") - (255, 0, 0)).max() <= 2


def marked_as_smaller(image):
    image.encoderinfo = {"tiffinfo": {254: 1}}
    return image


def test_an_image_that_is_too_large_is_refused(tmp_path, monkeypatch):
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match=r"a\.png is too large .*scale it down or remove it"):
        rgb_image(tmp_path / "a.png")


def test_a_strip_that_would_fill_the_memory_is_refused(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / "0.png")
    Image.new("L", (1, 60_000)).save(tmp_path / "dog" / "0.png")
    with pytest.raises(DataError, match=r"dog/0\.png is 1 × 60000 pixels, and would be 224 × "):
        load_image_folder(tmp_path, 224, "bilinear")
    assert load_image_folder(tmp_path, 8, "bilinear").images.shape == (2, 8, 8, 3)


def test_images_that_are_all_black_are_refused(tmp_path):
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((8, 8), 100 * number, np.uint16)).save(tmp_path / name / "0.png")
    with pytest.raises(DataError, match=r"all images in .* are black.* by the same number"):
        load_image_folder(tmp_path, 8, "bilinear")


# --- What was prepared before ---------------------------------------------------------------


def test_pixels_that_were_prepared_differently_are_not_used(make_trial, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(10):
            Image.fromarray(WIDE).save(tmp_path / "pets" / name / f"{index}.png")
    spec = spec_of(make_trial(dataset="imagefolder:pets", image_size=6), Places(data_root=tmp_path))
    fetch_and_prepare(spec, tmp_path)
    (prepared,) = prepared_folder().glob("*.safetensors")
    # The name that another version of the decoding gives to what it makes of these.
    other = re.sub(rf"-{DECODING}-(\w+)\.", rf"-{DECODING - 1}-\1.", prepared.name)
    assert other != prepared.name
    prepared.replace(prepared.with_name(other))
    images = load_splits(spec, tmp_path, "cpu").train.images
    assert len(list(prepared_folder().glob("*.safetensors"))) == 2
    assert torch.equal(images[0, ..., 0], torch.from_numpy(GREY[:, 1:7]))


def test_lab_is_refused_whatever_a_colour_profile_would_make_of_it():
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab, "RGB", "LAB")
    image = ImageCms.applyTransform(Image.fromarray(COLOURS), to_lab)
    assert image is not None
    buffer = io.BytesIO()
    image.save(buffer, "TIFF")
    with pytest.raises(Exception, match="mode LAB"):
        converted(Image.open(buffer), image, 8)
