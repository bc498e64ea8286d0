"""Pictures for tests, made here."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image, ImageCms


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def picture(size: tuple[int, int] = (40, 30), mode: str = "RGB", colour: Any = "teal") -> Image.Image:
    return Image.new(mode, size, colour)


def opened(content: bytes) -> Image.Image:
    found = Image.open(BytesIO(content))
    found.load()
    return found


def quartered(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Red and green above, blue and white below, so that one sees how it is turned."""
    made = Image.new("RGB", size)
    half = (size[0] // 2, size[1] // 2)
    for x, y, colour in ((0, 0, "red"), (1, 0, "lime"), (0, 1, "blue"), (1, 1, "white")):
        made.paste(colour, (x * half[0], y * half[1], (x + 1) * half[0], (y + 1) * half[1]))
    return made


def corners(made: Image.Image) -> list[str]:
    """The names of the colours at the corners, from the upper left on, row by row."""
    right, low = made.width - 2, made.height - 2
    names = {(1, 0, 0): "red", (0, 1, 0): "lime", (0, 0, 1): "blue", (1, 1, 1): "white"}
    colours = [made.convert("RGB").getpixel(each) for each in ((1, 1), (right, 1), (1, low), (right, low))]
    return [names[tuple(round(part / 255) for part in colour)] for colour in colours]  # type: ignore[index, union-attr]


def with_gps(orientation: int = 1) -> bytes:
    """EXIF of a camera that wrote down where it was, and how it was held."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Secret Camera"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return exif.tobytes()


def profile(name: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int) -> bytes:
    """A few bytes that say that they are width x height pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b"")


def gif_bomb(width: int, height: int) -> bytes:
    content = bytearray(saved(picture(), "GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


def jpeg_bomb(width: int, height: int) -> bytes:
    content = bytearray(saved(picture(), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_bomb(width: int, height: int) -> bytes:
    """A canvas of width x height with a small picture in it."""
    lossless = saved(picture(), "WEBP", lossless=True)[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0"
    canvas += struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = struct.pack("<I", 0)[:3] * 2 + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3] + b"\0\0\0\0"
    animated = canvas[:8] + b"\x02" + canvas[9:]
    body = b"WEBP" + animated + b"ANIM" + struct.pack("<I", 6) + b"\0" * 6
    body += b"ANMF" + struct.pack("<I", len(frame) + len(lossless)) + frame + lossless
    return b"RIFF" + struct.pack("<I", len(body)) + body


PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
