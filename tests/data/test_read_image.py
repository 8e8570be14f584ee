import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from fnet.data import read_image
from fnet.errors import DataError
from fnet.files import images as decoding
from fnet.files.image_headers import image_header
from fnet.files.jpeg import scans
from tests.torture.bombs import tiff
from tests.torture.images import chunk


def picture(seed=0, height=5, width=7):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "RGBA"])
def test_every_8_bit_mode_becomes_rgb(tmp_path, mode):
    white = Image.new("RGB", (4, 3), "white").convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    white.save(path)
    with Image.open(path) as image:
        assert image.mode == mode
    np.testing.assert_array_equal(read_image(path), np.full((3, 4, 3), 255, np.uint8))


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.array([[[200, 100, 0, 0], [200, 100, 0, 255], [0, 0, 0, 51]]], np.uint8)
    image = read_image(save(tmp_path / "a.png", pixels))
    expected = np.array([[[255, 255, 255], [200, 100, 0], [204, 204, 204]]])  # 255 (1 − 51/255)
    np.testing.assert_allclose(image, expected, atol=1)


def test_a_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=0)
    assert read_image(tmp_path / "a.png").tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize("how", [("a.png", {}), ("a.tif", {}), ("a.webp", {"lossless": True})])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda x: x),
        (2, np.fliplr),
        (3, lambda x: np.rot90(x, 2)),
        (4, np.flipud),
        (5, lambda x: x.transpose(1, 0, 2)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: np.rot90(x, 2).transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_the_exif_orientation_is_applied(tmp_path, orientation, turn, how):
    exif = Image.Exif()
    exif[0x0112] = orientation
    name, options = how
    path = save(tmp_path / name, picture(), exif=exif, **options)
    np.testing.assert_array_equal(read_image(path), turn(picture()))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_without_a_white_are_refused(tmp_path, dtype):
    path = save(tmp_path / "a.tif", np.full((3, 4), 1000, dtype))
    with pytest.raises(DataError, match=r"a\.tif.*32 bits.*which number is black.*np\.savez"):
        read_image(path)


GREY16 = np.random.default_rng(0).integers(0, 2**16, (5, 7)).astype(np.uint16)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_of_16_bits_the_upper_8_are_read(tmp_path, name):
    image = read_image(save(tmp_path / name, GREY16))
    np.testing.assert_array_equal(image, np.repeat((GREY16 // 256)[..., None], 3, axis=2))


def test_a_transparent_grey_of_16_bits_is_white(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_of_16_bits(GREY16, clear=GREY16[2, 3]))
    expected = np.where(GREY16[2, 3] == GREY16, 255, GREY16 // 256)
    np.testing.assert_array_equal(read_image(path)[..., 0], expected)


def png_of_16_bits(pixels, clear):
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"tRNS", struct.pack(">H", clear))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def test_a_tiff_whose_zero_is_white(tmp_path):
    values = (GREY16 >> 4).astype(np.uint16)  # 12 bits in each 16
    fields = {258: 16, 259: 1, 262: 0, 273: 8, 278: 5, 279: values.nbytes}
    (tmp_path / "a.tif").write_bytes(tiff(fields, values.tobytes(), 7, 5))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[..., 0], 255 - values // 256)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_made_small_as_it_is_decoded(tmp_path, monkeypatch, progressive, orientation):
    """Its mean by blocks is that of the whole image, resized; only the way there is shorter."""
    rows, columns = np.mgrid[:480, :640]
    whole = np.stack([rows / 2, columns / 3, 128 + 100 * np.sin(rows / 40)], -1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", whole, quality=95, exif=exif, progressive=progressive)
    drafts = []
    real = ImageFile.ImageFile.load
    monkeypatch.setattr(
        "PIL.JpegImagePlugin.JpegImageFile.load",
        lambda image: drafts.append(image.size) or real(image),
    )
    small = read_image(path, (24, 32) if orientation == 1 else (32, 24))
    assert drafts[0] == ((640, 480) if progressive else (160, 120))  # a sixteenth of the pixels
    upright = small if orientation == 1 else np.rot90(small)
    expected = whole.reshape(24, 20, 32, 20, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(upright[2:-2, 2:-2], expected[2:-2, 2:-2], atol=6)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.gif", "a.bmp", "a.ppm"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_header_says_what_the_pixels_are(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    holds = name not in ("a.gif", "a.bmp", "a.ppm")
    path = save(tmp_path / name, picture(), **({"exif": exif} if holds else {}))
    assert image_header(path)[:2] == read_image(path).shape[:2]
    assert image_header(path).bits == 8


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_a_header_says_how_many_bits(tmp_path, name):
    assert image_header(save(tmp_path / name, GREY16)) == (5, 7, 16)


def test_a_header_that_is_none_is_told_as_the_image_is(tmp_path):
    (tmp_path / "a.jpg").write_text("hello")
    with pytest.raises(DataError, match=r"a\.jpg: cannot be read as an image; replace or remove"):
        image_header(tmp_path / "a.jpg")


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_size_is_height_then_width(tmp_path):
    halves = np.zeros((64, 32, 3), np.uint8)
    halves[:32] = 240
    image = read_image(save(tmp_path / "a.png", halves), size=(6, 4))
    assert image.shape == (6, 4, 3)
    assert image[0].min() > 230
    assert image[-1].max() < 10


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_a_truncated_image(tmp_path, keep):
    path = save(tmp_path / "a.png", picture(height=40, width=40))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"a\.png: cannot be read as an image; replace or remove"):
        read_image(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("hello"), "cannot be read as an image"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: None, "no such file"),
    ],
)
def test_what_is_no_image(tmp_path, make, message):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(DataError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("format_", ["png", "bmp", "gif", "jpg", "tiff", "webp"])
def test_what_is_too_large_is_told_before_it_is_decoded(tmp_path, monkeypatch, recwarn, format_):
    path = tmp_path / f"a.{format_}"
    Image.fromarray(picture(height=40, width=50)).save(path)
    monkeypatch.setattr(decoding, "FEW", 1999)
    monkeypatch.setattr(Image.Image, "load", None)  # decoding would call it
    with pytest.raises(
        DataError,
        match=r"40 × 50 pixels, and 1,999 are safe for .* bytes, at most 65,536 per side; scale",
    ):
        read_image(path)
    assert not recwarn.list


@pytest.mark.parametrize("shape", [(1, 65_537), (65_537, 1)])
def test_what_is_too_long_is_told(tmp_path, shape):
    path = save(tmp_path / "a.bmp", np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match=r"are safe for .* 65,536 per side; scale"):
        read_image(path)


def test_no_other_format_is_tried(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DataError, match=r"it is none of PNG, JPEG, .*WEBP, or its header is"):
        read_image(path)


def test_a_format_under_the_name_of_another_is_read(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path, format="BMP")
    np.testing.assert_array_equal(read_image(path), picture())


def many_scans(pixels):
    """A progressive JPEG whose last scan is repeated 101 times."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + 101 * whole[last:-2] + whole[-2:]


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(many_scans(picture(height=64, width=64)))
    with pytest.raises(DataError, match="more than 100 scans"):
        read_image(path)


def test_scans_of_previews_and_of_what_follows_do_not_count(tmp_path):
    path = save(tmp_path / "a.jpg", picture(), quality=90)
    plain, expected = path.read_bytes(), read_image(path)
    preview = b"\xff\xe1" + (2 + 60_000).to_bytes(2, "big") + (b"\xff\xda" * 30_000)
    path.write_bytes(plain[:2] + preview + plain[2:] + bytes(2) + many_scans(picture()))
    np.testing.assert_array_equal(read_image(path), expected)


def test_scans_behind_a_preview_count(tmp_path):
    """A file that declares several images, for which Pillow reports another format."""
    saved = io.BytesIO()
    two = [Image.fromarray(picture(k, 64, 64)) for k in range(2)]
    two[0].save(saved, "MPO", save_all=True, append_images=two[1:], progressive=True)
    whole = saved.getvalue()
    scan = whole.index(b"\xff\xda")
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:scan] + 101 * whole[scan : scan + 14] + whole[scan:])
    with Image.open(path) as image:
        assert image.format == "MPO"
    with pytest.raises(DataError, match="more than 100 scans"):
        read_image(path)


def test_what_a_broken_marker_hides_counts():
    hidden = b"\xff\x02\xff\xff" + 7 * b"\xff\xda\x00\x02"
    assert scans(b"\xff\xd8" + hidden + b"\xff\xd9") == 7


def test_a_tile_larger_than_its_image_is_told_before_it_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff({322: 4000, 323: 4000, 324: 8, 325: 9}, zlib.compress(b""), 10, 10))
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(DataError, match=r"4000 × 4000 pixels, and 3,145,728 are safe"):
        read_image(path)


def test_what_is_too_large_for_pillow_too(tmp_path):
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 40000 40000 255\n")
    with pytest.raises(DataError, match=r"1600000000 pixels.* Scale it down first"):
        read_image(path)


def test_what_pillow_warns_of_is_not_repeated(tmp_path, recwarn):
    path = save(tmp_path / "a.jpg", picture(), exif=b"Exif\0\0II*\0\x08\0\0\0\x09\0")
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(path) as image:
        image.getexif()
    recwarn.clear()
    assert read_image(path).shape == (5, 7, 3)
    assert not recwarn.list
