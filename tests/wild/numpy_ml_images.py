"""numpy-ml: layers of images and of rows in time, by the helpers of `numpy_ml.py`."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.numpy_ml import layer, of_package

PACKAGE = "numpy-ml"


def cases() -> Iterator[Case]:
    """Norms over images, convolutions in one and two dimensions, and pools."""
    m, rng = of_package("layers"), np.random.default_rng(414)
    draw = lambda *shape: rng.normal(size=shape)  # noqa: E731
    wb = ("W", "b")
    named = ("scaler", "intercept")
    x = draw(2, 3, 2, 2)
    yield Case(PACKAGE, "layers.BatchNorm2D", layer(m.BatchNorm2D, named), (x, draw(2), draw(2)))
    given = x, draw(3, 2, 2), draw(3, 2, 2)
    yield Case(PACKAGE, "layers.LayerNorm2D", layer(m.LayerNorm2D, named), given)
    row = draw(2, 6, 2), draw(3, 2, 2), draw(1, 1, 2)
    for label, options in {"padded": {"pad": 1}, "stride 2": {"stride": 2}}.items():
        conv = layer(lambda o=options: m.Conv1D(2, 3, **o), wb)
        yield Case(PACKAGE, "layers.Conv1D", conv, row, label)
    dilated = layer(lambda: m.Conv1D(2, 3, dilation=1), wb)
    yield Case(PACKAGE, "layers.Conv1D", dilated, row, "dilated")
    image = draw(1, 4, 4, 2), draw(2, 2, 2, 3), draw(1, 1, 1, 3)
    for label, options in {
        "ordinary": {},
        "padded, stride 2": {"pad": 1, "stride": 2},
        "dilated": {"dilation": 1},
        "behind tanh": {"act_fn": "Tanh"},
    }.items():
        conv = layer(lambda o=options: m.Conv2D(3, (2, 2), **o), wb)
        yield Case(PACKAGE, "layers.Conv2D", conv, image, label)
    for label, options in {"ordinary": {}, "stride 2": {"stride": 2}, "padded": {"pad": 1}}.items():
        conv = layer(lambda o=options: m.Deconv2D(3, (2, 2), **o), wb)
        yield Case(PACKAGE, "layers.Deconv2D", conv, (draw(1, 3, 3, 2), *image[1:]), label)
    ties = np.round(draw(1, 4, 4, 1))
    for mode in ("max", "average"):
        pool = layer(lambda mode=mode: m.Pool2D((2, 2), stride=2, mode=mode))
        yield Case(PACKAGE, f"layers.Pool2D {mode}", pool, (draw(1, 4, 4, 2),), "ordinary")
        yield Case(PACKAGE, f"layers.Pool2D {mode}", pool, (ties,), "edge ties")
        over = layer(lambda mode=mode: m.Pool2D((2, 2), stride=1, mode=mode))
        yield Case(PACKAGE, f"layers.Pool2D {mode}", over, (draw(1, 3, 3, 1),), "overlapping")
