"""Read an image file as 8-bit RGB: every mode of Pillow is converted, or refused with a reason.

16-bit greys are scaled by 255/65535, the same for every image; transparent pixels become white.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from adaloss.errors import DataError
from adaloss.tasks.failures import lacks_memory

BACKGROUND = (255, 255, 255)
WIDE = frozenset({"I;16", "I;16L", "I;16B"})
READABLE = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"}) | frozenset(
    {"LA", "La", "PA", "RGBA", "RGBa"}
)
WITHOUT_RANGE = {"I": "32-bit integers", "F": "floats"}
# Pillow returns 16-bit values of these formats as 32-bit integers, and stretches PGM to 16 bits.
WIDE_FORMATS = frozenset({"PNG", "PPM"})

PHOTOMETRIC, BITS, PLANES, PAGE_KIND = 262, 258, 284, 254
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
SEPARATE_PLANES = 2
# A thumbnail, or a mask, of another page.
SMALLER_OR_MASK = 0b101

AS_INTEGERS = (
    "save it as 8-bit, or as 16-bit from 0 to 65535, with one scale for all images, or remove it"
)


class UnusableImageError(Exception):
    """An undamaged image whose pixels have no defined appearance."""


def rgb_image(path: Path) -> Image.Image:
    """The image, turned upright, as 8-bit RGB.

    Raises:
        DataError: the image cannot be read, or the meaning of its pixels is unknown; the message
            has the path.
    """
    try:
        # Opened as a file: Pillow 12.3 corrupts a TIFF that it both maps and turns (5 to 8).
        with path.open("rb") as file, Image.open(file) as opened:
            only_picture(opened)
            bits = stored_bits(opened)
            return converted(opened, ImageOps.exif_transpose(opened), bits)
    except UnusableImageError as error:
        raise DataError(f"dataset imagefolder: {path}: {error}") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"dataset imagefolder: {path} is too large ({error}): scale it down or remove it"
        ) from error
    # Pillow can raise anything for a damaged file.
    except Exception as error:
        if lacks_memory(error):
            raise
        raise DataError(
            f"dataset imagefolder: {path} cannot be read as an image ({error}): repair or remove it"
        ) from error


def only_picture(opened: ImageFile.ImageFile) -> None:
    """Seek to the only picture in the file.

    Thumbnails and masks of a TIFF's page do not count, nor do the extra images that a camera
    appends to a JPEG (MPO).
    """
    frames = getattr(opened, "n_frames", 1)
    if frames == 1 or opened.format == "MPO":
        return
    pictures = list(range(frames))
    if opened.format == "TIFF":
        pictures = [frame for frame in pictures if is_picture(opened, frame)]
    if len(pictures) != 1:
        raise UnusableImageError(
            f"it has {len(pictures)} frames or pages, and the right one is unknown: save that one "
            "as a separate image, or remove the file"
        )
    opened.seek(pictures[0])


def is_picture(opened: ImageFile.ImageFile, page: int) -> bool:
    """Whether a TIFF's page is a picture, not a thumbnail or mask."""
    opened.seek(page)
    return not tag(opened, PAGE_KIND, 0) & SMALLER_OR_MASK


def tag(opened: ImageFile.ImageFile, number: int, default: int) -> int:
    """The first value of a TIFF's tag; the default where the tag is missing."""
    value = getattr(opened, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def stored_bits(opened: ImageFile.ImageFile) -> int:
    """The stored bits per channel of a PNG or TIFF; 8 for other files."""
    if opened.format == "PNG" and opened.tile:
        # Pillow's name for the stored layout, such as L;4 or RGB;16B.
        _, _, bits = str(opened.tile[0][3]).partition(";")
        return int(bits.rstrip("B") or 8)
    return tag(opened, BITS, 8)


def converted(opened: ImageFile.ImageFile, upright: Image.Image, bits: int) -> Image.Image:
    """The upright image as RGB; ``opened`` is its file, ``bits`` the stored bits per channel."""
    mode, form = upright.mode, opened.format
    if tag(opened, PLANES, 1) == SEPARATE_PLANES and bits > 8:
        raise UnusableImageError(
            "it is a planar TIFF with 16-bit channels, which Pillow reads wrongly: save it with "
            "PlanarConfiguration 1 (contig), or as PNG, or remove it"
        )
    if mode == "CMYK" and form in ("JPEG", "MPO") and "adobe" not in opened.info:
        raise UnusableImageError(
            "it is a CMYK JPEG without an Adobe marker, so that it is unknown whether its inks are "
            "inverted: save it as RGB or remove it"
        )
    if mode in WIDE or (mode == "I" and form in WIDE_FORMATS):
        largest = 2**bits - 1 if form == "TIFF" else 2**16 - 1
        inverted = tag(opened, PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO
        return on_background(eight_bits(upright, largest, inverted=inverted))
    if mode in WITHOUT_RANGE:
        raise UnusableImageError(
            f"its pixels are {WITHOUT_RANGE[mode]} (mode {mode}), and the file does not define "
            f"which values are black and white: {AS_INTEGERS}"
        )
    if mode not in READABLE:
        raise UnusableImageError(f"it has Pillow's mode {mode}: save it as 8-bit RGB or remove it")
    if upright.has_transparency_data:
        return on_background(with_alpha(upright, bits))
    return upright.convert("RGB")


def eight_bits(image: Image.Image, largest: int, *, inverted: bool) -> Image.Image:
    """A grey image of more than 8 bits, with white at ``largest``, as 8-bit RGBA."""
    values = np.asarray(image).astype(np.uint32)
    grey = ((values * 255 + largest // 2) // largest).astype(np.uint8)
    opaque = values != image.info.get("transparency", -1)
    grey = 255 - grey if inverted else grey
    return Image.fromarray(np.dstack([grey, grey, grey, np.where(opaque, 255, 0).astype(np.uint8)]))


def with_alpha(image: Image.Image, bits: int) -> Image.Image:
    """An 8-bit image with transparent pixels, as RGBA."""
    if image.mode == "RGB" and bits > 8:
        raise UnusableImageError(
            "it is a 16-bit PNG with one transparent colour, of which Pillow keeps 8 bits: save it "
            "with an alpha channel, or as 8-bit, or remove it"
        )
    if image.mode == "L" and bits < 8:
        # Pillow stretches the greys to 8 bits but not the value of the transparent one.
        image.info["transparency"] *= 255 // (2**bits - 1)
    return image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")


def on_background(image: Image.Image) -> Image.Image:
    """An RGBA image blended with the background, as RGB; opaque pixels are unchanged."""
    alpha = image.getchannel("A")
    if alpha.getextrema()[1] == 0:
        raise UnusableImageError(
            "it is completely transparent: remove its alpha channel, or remove the file"
        )
    canvas = Image.new("RGB", image.size, BACKGROUND)
    canvas.paste(image.convert("RGB"), mask=alpha)
    return canvas
