"""Pictures as they are kept: looking the same, of bounded size, and with nothing else in them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cr.errors import RateLimited, ValidationProblem
from cr.uploads import pictures
from cr.uploads.pictures import made_anew
from tests.uploads.pictures import (
    corners,
    gif_bomb,
    jpeg_bomb,
    opened,
    picture,
    png_bomb,
    png_chunk,
    profile,
    quartered,
    saved,
    webp_bomb,
    with_gps,
)

KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/png"}


def kept(kind: str, content: bytes) -> Image.Image:
    return opened(made_anew(kind, content)[1])


@pytest.mark.parametrize(("kind", "mime_type"), KINDS.items())
def test_each_kind_is_kept_and_looks_the_same(kind: str, mime_type: str) -> None:
    found, content = made_anew(kind, saved(quartered(), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert found == mime_type == Image.MIME[opened(content).format or ""]
    assert corners(opened(content)) == ["red", "lime", "blue", "white"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("given_size", "size"),
    [
        ((4000, 3000), (2048, 1536)),
        ((3000, 4000), (1536, 2048)),
        ((2049, 1), (2048, 1)),
        ((2048, 2048), (2048, 2048)),
        ((7, 5), (7, 5)),
    ],
)
def test_at_most_2048_pixels_on_the_longer_side(kind: str, given_size: tuple[int, int], size: tuple[int, int]) -> None:
    assert kept(kind, saved(picture(given_size), kind)).size == size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_a_camera_wrote_down_is_kept(kind: str) -> None:
    options = {"comment": b"Secret comment"} if kind == "JPEG" else {}
    content = saved(picture(), kind, exif=with_gps(), icc_profile=profile(), **options)
    assert b"Secret Camera" in content
    _, content = made_anew(kind, content)
    assert b"Secret" not in content
    assert not opened(content).getexif()
    assert not {"exif", "icc_profile", "comment", "xmp", "dpi"} & set(opened(content).info)


def test_texts_of_a_png_are_not_kept() -> None:
    content = saved(picture(), "PNG")
    at = content.index(b"IDAT") - 4
    content = content[:at] + png_chunk(b"tEXt", b"Author\0Secret") + content[at:]
    assert opened(content).info["Author"] == "Secret"
    assert b"Secret" not in made_anew("PNG", content)[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, ["red", "lime", "blue", "white"]),
        (2, ["lime", "red", "white", "blue"]),
        (3, ["white", "blue", "lime", "red"]),
        (4, ["blue", "white", "red", "lime"]),
        (5, ["red", "blue", "lime", "white"]),
        (6, ["blue", "red", "white", "lime"]),
        (7, ["white", "lime", "blue", "red"]),
        (8, ["lime", "white", "red", "blue"]),
        (9, ["red", "lime", "blue", "white"]),
    ],
)
def test_a_picture_stands_upright(kind: str, orientation: int, seen: list[str]) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    found = kept(kind, saved(quartered((4000, 2000)), kind, exif=with_gps(orientation), **options))
    assert corners(found) == seen
    assert found.size == ((1024, 2048) if 5 <= orientation <= 8 else (2048, 1024))


def test_exif_that_is_none_is_no_obstacle() -> None:
    assert kept("JPEG", saved(picture(), "JPEG", exif=b"Exif\0\0nonsense")).size == (40, 30)


def test_cmyk_becomes_rgb() -> None:
    found = kept("JPEG", saved(picture(mode="CMYK", colour=(0, 255, 255, 0)), "JPEG"))
    assert found.mode == "RGB"
    red, green, blue = found.getpixel((5, 5))  # type: ignore[misc]
    assert red > 200 > 60 > max(green, blue)


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_stays_grey(mode: str) -> None:
    found = kept("PNG", saved(picture(mode=mode, colour=1 if mode == "1" else 200), "PNG"))
    assert found.mode == "L"
    assert found.getpixel((5, 5)) == (255 if mode == "1" else 200)


def test_a_palette_with_a_transparent_colour() -> None:
    content = picture(mode="P", colour=3)
    content.putpalette([0, 0, 0] * 3 + [255, 0, 0] + [0, 0, 255])
    content.putpixel((0, 0), 4)
    found = kept("PNG", saved(content, "PNG", transparency=3))
    assert found.mode == "RGBA"
    assert found.getpixel((0, 0)) == (0, 0, 255, 255)
    assert found.getpixel((5, 5))[3] == 0  # type: ignore[index]
    assert kept("GIF", saved(content, "GIF", transparency=3)).getpixel((5, 5))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_shines_through_goes_on_doing_so(kind: str) -> None:
    found = kept(kind, saved(picture((4000, 30), "RGBA", (200, 20, 20, 128)), kind, icc_profile=profile()))
    assert found.mode == "RGBA"
    assert found.getpixel((5, 5))[3] == 128  # type: ignore[index]


def test_sixteen_bits_become_eight_of_the_same_brightness() -> None:
    content = picture(mode="I;16", colour=65535 // 2)
    content.putpixel((0, 0), 65535)
    found = kept("PNG", saved(content, "PNG"))
    assert found.mode == "L"
    assert found.getpixel((0, 0)) == 255
    assert found.getpixel((5, 5)) == 127


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "PNG"])
def test_what_moves_stands_still_at_its_first_picture(kind: str) -> None:
    moving = saved(
        picture(colour=(255, 0, 0)), kind, save_all=True, append_images=[picture(colour=(0, 0, 255))], duration=100
    )
    assert opened(moving).is_animated  # type: ignore[attr-defined]
    found = kept(kind, moving)
    assert not getattr(found, "is_animated", False)
    red, _, blue = found.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert red > 200 > 50 > blue


def test_a_colour_profile_is_applied_and_not_kept() -> None:
    # Nothing would change if it were only dropped.
    green_and_red_swapped = bytearray(profile())
    red, green = green_and_red_swapped.index(b"rXYZ"), green_and_red_swapped.index(b"gXYZ")
    green_and_red_swapped[red : red + 4], green_and_red_swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    content = saved(picture(colour=(255, 0, 0)), "PNG", icc_profile=bytes(green_and_red_swapped))
    found = kept("PNG", content)
    assert "icc_profile" not in found.info
    red_seen, green_seen, _ = found.getpixel((5, 5))  # type: ignore[misc]
    assert green_seen > 200 > 50 > red_seen


@pytest.mark.parametrize("odd", [b"no profile", profile("LAB"), profile()[:100]])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_a_profile_that_does_not_fit_is_passed_over(odd: bytes, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert kept(kind, saved(picture(mode=mode, colour=None), kind, icc_profile=odd)).size == (40, 30)


def test_two_pictures_in_one_file_as_telephones_make_them() -> None:
    content = saved(quartered(), "MPO", save_all=True, append_images=[picture((20, 15))])
    assert opened(content).format == "MPO"
    assert opened(made_anew("JPEG", content)[1]).format == "JPEG"


def test_what_follows_the_picture_is_not_kept() -> None:
    script = b"<script>alert(1)</script><?php system('id') ?>"
    for kind in KINDS:
        assert script not in made_anew(kind, saved(picture(), kind) + script)[1]


@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb, webp_bomb, jpeg_bomb])
@pytest.mark.parametrize("size", [(60000, 60000), (8000, 8000), (5001, 5000), (65535, 400)])
def test_a_bomb_is_refused_by_its_header(bomb: Callable[[int, int], bytes], size: tuple[int, int]) -> None:
    kind = {png_bomb: "PNG", gif_bomb: "GIF", webp_bomb: "WEBP", jpeg_bomb: "JPEG"}[bomb]
    if kind == "JPEG" and size[0] * size[1] <= 50_000_000:
        size = (60000, 1000)
    with pytest.raises(ValidationProblem, match="million pixels"):
        made_anew(kind, bomb(*size))


@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb, jpeg_bomb])
@pytest.mark.parametrize("turned", [False, True])
def test_a_side_is_at_most_20000_pixels(bomb: Callable[[int, int], bytes], turned: bool) -> None:
    kind = bomb.__name__.removesuffix("_bomb").upper()
    with pytest.raises(ValidationProblem, match="20,000 pixels wide or high"):
        made_anew(kind, bomb(*((1, 20_001) if turned else (20_001, 1))))
    assert max(kept("PNG", saved(picture((1, 20_000) if turned else (20_000, 1)), "PNG")).size) == 2048


def test_a_jpeg_may_be_larger_for_it_is_made_smaller_while_it_is_read() -> None:
    assert kept("JPEG", jpeg_bomb(8000, 6200)).size == (2048, 1587)
    progressive = saved(picture((5100, 5000)), "JPEG", progressive=True, quality=10)
    with pytest.raises(ValidationProblem, match="25 million pixels"):
        made_anew("JPEG", progressive)


def test_a_jpeg_of_endless_passes_is_refused() -> None:
    content = saved(picture(), "JPEG", progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(ValidationProblem):
        made_anew("JPEG", content[:-2] + scan * 100 + content[-2:])
    # What only looks like one, as in the film that a telephone puts behind its picture, does not count.
    made_anew("JPEG", content + b"\xff\xda" * 1000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.0, 0.01, 0.2, 0.5, 0.9])
def test_half_a_picture_is_refused(kind: str, part: float) -> None:
    noise = Image.effect_noise((300, 200), 80)
    content = saved(noise, kind)
    with pytest.raises(ValidationProblem, match="can’t be read"):
        made_anew(kind, content[: int(len(content) * part)])


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_decoder_of_its_kind_is_asked(kind: str) -> None:
    for other in ({*KINDS} | {"BMP", "TIFF", "PPM", "PCX"}) - {kind}:
        with pytest.raises(ValidationProblem):
            made_anew(kind, saved(picture(), other))


SAMPLES = {kind: saved(Image.effect_noise((24, 16), 80), kind) for kind in KINDS}


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6)), max_size=6),
)
def test_no_bytes_break_anything(kind: str, changes: list[tuple[float, bytes]]) -> None:
    content = SAMPLES[kind]
    for where, what in changes:
        at = int(where * len(content))
        content = content[:at] + what + content[at + len(what) :]
    try:
        _, made = made_anew(kind, content)
    except ValidationProblem:
        return
    assert max(opened(made).size) <= pictures.SIDE_MOST


def test_one_at_a_time_and_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WAIT_MOST", 0.01)
    content, inside, leave = saved(picture(), "PNG"), threading.Event(), threading.Event()

    def long() -> None:
        with pictures.one_at_a_time():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=long)
    thread.start()
    inside.wait()
    try:
        with pytest.raises(RateLimited):
            made_anew("PNG", content)
    finally:
        leave.set()
        thread.join()
    made_anew("PNG", content)


def test_two_wait_for_the_decoder_and_the_third_is_refused_at_once() -> None:
    content, inside, leave = saved(picture(), "PNG"), threading.Event(), threading.Event()
    made = []

    def long() -> None:
        with pictures.one_at_a_time():
            inside.set()
            leave.wait()

    threads = [threading.Thread(target=long)]
    threads += [threading.Thread(target=lambda: made.append(made_anew("PNG", content))) for _ in range(2)]
    threads[0].start()
    inside.wait()
    for thread in threads[1:]:
        thread.start()
    try:
        # Whoever waits for a place in vain would wait for the decoder, which nobody leaves before this is over.
        while pictures._places.acquire(blocking=False):
            pictures._places.release()
        with pytest.raises(RateLimited):
            made_anew("PNG", content)
        assert made == []
    finally:
        leave.set()
        for thread in threads:
            thread.join()
    assert len(made) == 2
