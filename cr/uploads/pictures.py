"""Pictures are made anew: what is kept is what a decoder saw, written by our own encoder, and nothing else of the file.

So no place or name that a camera wrote down gets out, and nothing that another program might take for a page or a
script. Decoders are also where a small file can ask for much memory, so sizes are looked at first and only one picture
is decoded at a time.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image, ImageCms

from cr.errors import RateLimited, ValidationProblem

log = logging.getLogger(__name__)

SIDE_MOST = 2048
"""Pixels of the longer side that are kept: enough for a whole screen."""

PIXELS_MOST = 25_000_000
SCALED_PIXELS_MOST = 50_000_000
"""Of a JPEG that is made smaller while it is decoded, so that the whole of it is never in memory."""

SIDE_SENT_MOST = 20_000
"""Pixels of either side: to make a picture smaller takes memory by its longer side, however narrow it is."""

SCAN = re.compile(rb"\xff\xda\x00[\x08\x0a\x0c\x0e][\x01-\x04]")
SCANS_MOST = 100
"""Passes over a JPEG, as their headers announce them. Cameras and programs make ten or so. One of 42 bytes can cost as
much as a whole picture: in ten megabytes of them a decoder would be busy for an hour."""

SAVED_AS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {"quality": 85, "optimize": True, "progressive": True}),
    "PNG": ("PNG", {}),
    "WEBP": ("WEBP", {"quality": 85}),
    # Whatever moves on a page draws the eye from what it says, and the frames of a GIF can ask for any amount of work.
    # Its first frame has sharp edges and few colours, which a PNG keeps.
    "GIF": ("PNG", {}),
}
"""By what the file is: the format that it is kept in."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF's orientation."""

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

WAIT_MOST = 20
"""Seconds to wait for other pictures: less than the database waits for a transaction that does nothing."""

WAITERS_MOST = 2
"""Each of them holds a thread that could answer somebody else."""

DAMAGED = "The picture can’t be read: it may be damaged. Open it, save it again, and send that."

# One check more, before ours, for what a decoder may look at while it opens a file.
Image.MAX_IMAGE_PIXELS = SCALED_PIXELS_MOST

_decoder = threading.Lock()
_places = threading.BoundedSemaphore(1 + WAITERS_MOST)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Raises `RateLimited`: at once when too many others wait already, else when it takes too long."""
    busy = RateLimited(5, "Many pictures arrive at this moment.")
    if not _places.acquire(blocking=False):
        raise busy
    try:
        if not _decoder.acquire(timeout=WAIT_MOST):
            raise busy
        try:
            yield
        finally:
            _decoder.release()
    finally:
        _places.release()


def made_anew(kind: str, content: bytes) -> tuple[str, bytes]:
    """The MIME type and the bytes to keep of a picture whose first bytes say that it is a `kind` of `SAVED_AS`.

    Raises `ValidationProblem` for one that is too large or can't be read, `RateLimited`.
    """
    if kind == "JPEG" and len(SCAN.findall(content)) > SCANS_MOST:
        raise ValidationProblem(DAMAGED)
    with one_at_a_time():
        try:
            return _made_anew(kind, content)
        except ValidationProblem:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_large(SCALED_PIXELS_MOST if kind == "JPEG" else PIXELS_MOST) from None
        except Exception as error:
            # Decoders raise whatever they stumble over: OSError, SyntaxError, struct.error, IndexError and more.
            log.debug("A picture could not be read: %r", error)
            raise ValidationProblem(DAMAGED) from None


def _made_anew(kind: str, content: bytes) -> tuple[str, bytes]:
    with Image.open(BytesIO(content), formats=(kind,)) as file:
        _check_pixels(kind, file)
        if kind == "JPEG":
            scale = min(1.0, SIDE_MOST / max(file.size))
            file.draft(None, (max(1, int(file.width * scale)), max(1, int(file.height * scale))))
        file.load()
        orientation, profile = _orientation(file), file.info.get("icc_profile")
        picture = _plain(file)
    picture.thumbnail((SIDE_MOST, SIDE_MOST), Image.Resampling.LANCZOS, reducing_gap=None)
    picture = _in_srgb(picture, profile)
    if orientation in UPRIGHT:
        picture = picture.transpose(UPRIGHT[orientation])
    # The encoders would write down again what is left there: comments, profiles, the palette's transparent colour.
    picture.info = {}
    name, options = SAVED_AS[kind]
    kept = BytesIO()
    picture.save(kept, name, **options)
    return Image.MIME[name], kept.getvalue()


def _check_pixels(kind: str, file: Image.Image) -> None:
    # A progressive one is in memory as a whole, however small it is made.
    scaled = kind == "JPEG" and "progressive" not in file.info
    most = SCALED_PIXELS_MOST if scaled else PIXELS_MOST
    if file.width * file.height > most:
        raise _too_large(most)
    if max(file.size) > SIDE_SENT_MOST:
        raise ValidationProblem(
            f"The picture is more than {SIDE_SENT_MOST:,} pixels wide or high. Make it smaller, and send that."
        )


def _too_large(most: int) -> ValidationProblem:
    return ValidationProblem(
        f"The picture has more than {most // 1_000_000} million pixels. Make it smaller, and send that."
    )


def _orientation(file: Image.Image) -> int | None:
    try:
        return file.getexif().get(ExifTags.Base.Orientation)
    except Exception as error:  # as above; the picture itself may be good
        log.debug("EXIF could not be read: %r", error)
        return None


def _plain(file: Image.Image) -> Image.Image:
    """In 8 bits per colour and without a palette, so that it can be resized: L, RGB, RGBA or CMYK."""
    if file.mode in ("I", "I;16", "I;16B", "I;16L"):
        # To convert alone would cut off what is brighter than a 256th.
        return file.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if file.has_transparency_data:
        mode = "RGBA"
    elif file.mode in ("1", "L"):
        mode = "L"
    else:
        mode = "CMYK" if file.mode == "CMYK" else "RGB"
    # A copy would need its memory a second time.
    return file if file.mode == mode else file.convert(mode)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """As screens without colour management want it. A profile that is none, or of another kind, is passed over."""
    target = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, given, SRGB, outputMode=target)
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            log.debug("A colour profile was passed over: %r", error)
    return picture if picture.mode == "L" else picture.convert(target)
