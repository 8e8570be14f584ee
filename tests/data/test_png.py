"""A PNG is verified against its own checksums and header before its pixels are used."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fnet.data import read_image
from fnet.errors import DataError
from tests.torture.images import PNGS, chunk, png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SMALL = png(2, 8, False, width=7, height=5)


def made(*chunks):
    return SIGNATURE + b"".join(chunks)


def head(width=2, height=32, depth=8, colour=0, *rest):
    return chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(rest or (0, 0, 0)))
    )


def rows(count, size=2):
    return zlib.compress(bytes(count * (1 + size)))


def data(content):
    return chunk(b"IDAT", content)


END = chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", PNGS, ids=str)
@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize("size", [(1, 1), (13, 11), (3, 9), (700, 500)], ids=str)
def test_every_kind_is_read_as_pillow_reads_it(tmp_path, kind, interlaced, size):
    content = png(*kind, interlaced, *size)
    (tmp_path / "a.png").write_bytes(content)
    image = Image.open(io.BytesIO(content)).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    expected = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    found = read_image(tmp_path / "a.png")
    # For opaque images, Pillow blends palettes and greys by another formula.
    np.testing.assert_allclose(found.astype(int), expected, atol=1)


@pytest.mark.parametrize("size", [(32, 32), (700, 500)], ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_rows_that_an_encoder_filtered_are_read_as_pillow_reads_them(tmp_path, mode, size):
    smooth = np.add.outer(np.arange(size[1]), np.arange(size[0])) // 3
    noise = np.random.default_rng(0).integers(0, 9, (*smooth.shape, len(mode)))
    pixels = (smooth[..., None] + noise).astype(np.uint8)
    Image.fromarray(pixels.squeeze()).save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(found, np.broadcast_to(pixels, found.shape))


@pytest.mark.parametrize(("mode", "clear"), [("L", 7), ("RGB", (7, 8, 9))])
def test_a_colour_that_is_transparent_is_white(tmp_path, mode, clear):
    image = Image.new(mode, (4, 2), clear)
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "a.png", transparency=clear)
    found = read_image(tmp_path / "a.png")
    assert (found[0, 0].tolist(), found[0, 1:].min(), found[1].min()) == ([0, 0, 0], 255, 255)


def test_a_filter_that_there_is_none_of_is_an_error(tmp_path):
    wrong = bytes([7, 0, 0, 0])
    content = made(head(1, 2, 8, 2), data(zlib.compress(bytes(4) + wrong)), END)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png: cannot be read as an image"):
        read_image(tmp_path / "a.png")


def test_a_large_image_of_few_bytes(tmp_path):
    """Each piece of its data inflates to more rows than are checked together."""
    pixels = np.full((900, 800, 3), 7, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)


BAD = {
    "10 of its rows": (made(head(), data(rows(10)), END), "its image data are 10 of 32 rows"),
    "a row too many": (
        made(head(), data(rows(33)), END),
        "not of the size that its header declares",
    ),
    "interlaced, too few": (
        made(head(2, 32, 8, 0, 0, 0, 1), data(rows(10)), END),
        "not of the size that its header declares",
    ),
    "bytes behind the rows": (
        made(head(), data(rows(32) + b"more"), END),
        "something follows its image data",
    ),
    "a checksum of the rows": (
        made(head(), data(rows(32)[:-1] + b"x"), END),
        "cannot be inflated (Error -3 while decompressing data: incorrect data check)",
    ),
    "no rows at all": (made(head(), END), "its image data are 0 of 32 rows"),
    "a CRC": (SMALL[:50] + b"x" + SMALL[51:], "the CRC of its chunk b'IDAT' at byte 33 is wrong"),
    "the CRC of the header": (SMALL[:18] + b"x" + SMALL[19:], "the CRC of its header, IHDR"),
    "cut short": (SMALL[:-20], "it ends in the middle of the chunk at byte"),
    "no end": (SMALL[:-12], "it ends in the middle of the chunk at byte"),
    "no header": (made(data(rows(1)), END), "it does not begin with its header, IHDR"),
    "a header that lies": (made(head(0, 5), END), "describes no valid PNG"),
    "a depth that is none": (made(head(2, 5, 3), END), "describes no valid PNG"),
    "a palette too late": (
        made(head(), data(rows(32)), chunk(b"PLTE", b"abc"), END),
        "its chunk PLTE comes after the image data",
    ),
    "no palette": (made(head(2, 32, 8, 3), data(rows(32)), END), "PLTE, which is missing"),
    "two palettes": (
        made(head(), *2 * [chunk(b"PLTE", b"abc")], data(rows(32)), END),
        "it has two chunks PLTE",
    ),
    "data with a gap": (
        made(head(), data(b"x"), chunk(b"tEXt", b"a\0b"), data(b"y"), END),
        "interrupted by another chunk",
    ),
    "an unknown critical chunk": (
        made(head(), chunk(b"WHAT", b""), data(rows(32)), END),
        "a critical chunk of an unknown kind, b'WHAT'",
    ),
    "16 bits, too few": (made(head(2, 32, 16), data(rows(32)), END), "19 of 32 rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_hold_is_told(tmp_path, case):
    content, message = BAD[case]
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_image(tmp_path / "a.png")
    assert f"{tmp_path}/a.png: " in str(caught.value)
    assert message in str(caught.value)


def test_pillow_believes_a_third_of_the_rows(tmp_path):
    """The reason for these checks."""
    content = made(head(), data(rows(10)), END)
    assert np.asarray(Image.open(io.BytesIO(content))).shape == (32, 2)


def test_what_is_no_pixel_never_reaches_the_decoder(tmp_path, monkeypatch):
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"hello"))
    content = png(3, 8, False, width=7, height=5)  # of a palette, which Pillow applies
    (tmp_path / "a.png").write_bytes(content[:33] + text + content[33:])
    seen = []
    real = Image.open
    monkeypatch.setattr(
        Image, "open", lambda file, **how: seen.append(file.getvalue()) or real(file, **how)
    )
    read_image(tmp_path / "a.png")
    assert len(seen) == 1
    assert b"zTXt" not in seen[0]
