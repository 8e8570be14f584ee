import numpy as np
import pytest
from PIL import Image

from fnet.data import decoding, read_image
from fnet.errors import DataError


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


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda x: x),
        (2, np.fliplr),
        (3, lambda x: np.rot90(x, 2)),
        (6, lambda x: np.rot90(x, -1)),
        (8, np.rot90),
    ],
)
def test_the_exif_orientation_is_applied(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", picture(), exif=exif)
    np.testing.assert_array_equal(read_image(path), turn(picture()))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_more_than_8_bits_are_refused(tmp_path, dtype):
    path = save(tmp_path / "a.tif", np.full((3, 4), 1000, dtype))
    with pytest.raises(DataError, match=r"a\.tif.*8 bits"):
        read_image(path)


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
    monkeypatch.setattr(Image.Image, "load", None)  # what would decode it
    with pytest.raises(DataError, match=r"40 × 50 pixels, and 1,999 are safe in .* bytes; scale"):
        read_image(path)
    assert not recwarn.list


def test_no_other_format_is_tried(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DataError, match=r"it is none of PNG, JPEG, .*WEBP, or its header is"):
        read_image(path)


def test_a_format_under_the_name_of_another_is_read(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path, format="BMP")
    np.testing.assert_array_equal(read_image(path), picture())


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path):
    path = save(tmp_path / "a.jpg", picture(height=64, width=64), progressive=True)
    content = path.read_bytes()
    place = content.rindex(b"\xff\xda")
    path.write_bytes(content[:place] + 101 * content[place:-2] + b"\xff\xd9")
    with pytest.raises(DataError, match="more than 100 scans"):
        read_image(path)
