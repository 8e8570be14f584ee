"""dm-pix: images, as functions of their colours and of what they are changed by."""

import functools
from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case

PACKAGE = "dm-pix"


def cases() -> Iterator[Case]:
    import dm_pix as of

    rng = np.random.default_rng(14)
    image, other = rng.uniform(0.1, 0.9, (2, 4, 4, 3))
    hsv = of.rgb_to_hsv(image)
    for name in ("rgb_to_hsv", "rgb_to_hsl", "rgb_to_grayscale", "rot90"):
        yield Case(PACKAGE, name, getattr(of, name), (image,))
    yield Case(PACKAGE, "hsv_to_rgb", of.hsv_to_rgb, (np.asarray(hsv, float),))
    yield Case(PACKAGE, "hsl_to_rgb", of.hsl_to_rgb, (np.asarray(of.rgb_to_hsl(image), float),))
    for name in ("mae", "mse", "psnr", "rmse", "simse"):
        yield Case(PACKAGE, name, getattr(of, name), (image, other))
    similar = functools.partial(of.ssim, filter_size=3)
    yield Case(PACKAGE, "ssim", similar, (image, other))
    yield Case(PACKAGE, "ssim", similar, (image, image.copy()), "the same")
    amount = np.array(0.3)
    yield Case(PACKAGE, "adjust_brightness", of.adjust_brightness, (image, amount))
    yield Case(PACKAGE, "adjust_contrast", of.adjust_contrast, (image, amount + 1))
    yield Case(PACKAGE, "adjust_gamma", of.adjust_gamma, (image, amount + 1))
    yield Case(PACKAGE, "adjust_hue", of.adjust_hue, (image, amount))
    yield Case(PACKAGE, "adjust_saturation", of.adjust_saturation, (image, amount + 1))
    yield Case(PACKAGE, "solarize", functools.partial(of.solarize, threshold=0.5), (image,))
    blurred = functools.partial(of.gaussian_blur, sigma=0.8, kernel_size=3)
    yield Case(PACKAGE, "gaussian_blur", blurred, (image.astype(np.float32),), "float32")
    turned = functools.partial(of.rotate, angle=0.3, order=1)
    yield Case(PACKAGE, "rotate", turned, (image,))
    matrix = np.array([[0.9, 0.1, 0.0], [-0.1, 1.1, 0.0], [0.0, 0.0, 1.0]])
    moved = functools.partial(of.affine_transform, offset=np.array([0.21, 0.13, 0.0]), order=1)
    yield Case(PACKAGE, "affine_transform", moved, (image, matrix))
    gray = np.full((4, 4, 3), 0.5) + 0.1 * rng.uniform(size=(4, 4, 1))
    for name in ("rgb_to_hsv", "rgb_to_hsl"):
        yield Case(PACKAGE, name, getattr(of, name), (gray,), "gray")
    line, whole = (
        np.arange(5.0),
        np.array([[1.0, 2.4, 3.0]]),
    )  # added when affine_transform was seen
    between = functools.partial(of.flat_nd_linear_interpolate, line)
    yield Case(
        PACKAGE, "flat_nd_linear_interpolate", between, (whole,), "whole coordinates, on a line"
    )
    yield Case(PACKAGE, "flat_nd_linear_interpolate", between, (whole + 0.2,), "on a line")
