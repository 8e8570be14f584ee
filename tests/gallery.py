"""Draw README's gallery, six pictures on one page: `python -m tests.gallery [FILE]`.

Each is drawn by a function of `fnet.plots` into its place: of a small convolutional network trained
here on the embedded set, of optimizers in a valley, and of a backward pass with a mistake. Equal
seeds, equal pictures.
"""

import io
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from fnet import data, layers, losses, models, optimizers, plots, serial
from fnet.check import explain
from fnet.initializers import normal
from fnet.plots.page import INK, LINES, page
from fnet.training import fit, predict

FILE = Path(__file__).parents[1] / "notebooks/pictures/gallery.png"
WINDOW = 7  # pixels across a filter


class Trained(NamedTuple):
    """A network, and what the pictures show of it."""

    model: object
    params: object
    history: list
    test: data.Memory


def main(path: Path) -> None:
    trained = train()
    shape = {"width_ratios": (1, 1.25, 1), "height_ratios": (1.2, 1)}
    axes = page(15.6, 8.6).subplots(2, 3, gridspec_kw=shape)
    samples(trained, axes[0, 0])
    curves(trained, axes[0, 1])
    paths(axes[0, 2])
    filters(trained, axes[1, 0])
    attention(trained, axes[1, 1])
    mistake(axes[1, 2])
    write(path, axes[0, 0].figure)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def write(path: Path, figure: Figure) -> None:
    """In 256 colours, white and those of lines among them: images alone would take all."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    image = Image.open(drawn).convert("RGB")
    kept = [(255, 255, 255), *(ImageColor.getrgb(colour) for colour, *_ in LINES)]
    others = image.quantize(256 - len(kept), dither=Image.Dither.NONE)
    index = np.array(others) + np.uint8(len(kept))
    for place, colour in enumerate(kept):
        index[(np.asarray(image) == colour).all(axis=-1)] = place
    small = Image.fromarray(index)
    small.putpalette(np.ravel(kept).tolist() + others.getpalette())
    small.save(path, optimize=True)


def train() -> Trained:
    """Filters begin small and have a penalty, so that what they learn can be seen."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = data.synthetic_images(Path(folder) / "shapes", per_class=200)
        shapes = data.memory(data.image_folder(drawn))
    parts = data.split(shapes, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)
    mean, std = data.mean_and_std(parts["train"], transform=data.rescale())
    prepare = data.compose(data.rescale(), data.normalize(mean, std))
    fitted, val, test = (data.memory(part, transform=prepare) for part in parts.values())
    first = layers.conv(48, WINDOW, w_init=normal(0.01), l2=1e-2)
    model = serial(first, *models.convnet(10, widths=(48, 32)).layers[1:])
    loss, optimizer = losses.cross_entropy(), optimizers.adam(2e-3)
    records = list(fit(model, loss, optimizer, fitted, val, epochs=10, batch_size=32, seed=0))
    history = [{"epoch": record.epoch, **record.metrics} for record in records]
    return Trained(model, records[-1].best.params, history, test)


def samples(trained: Trained, ax: Axes) -> None:
    plots.class_grid(trained.test, per_class=10, ax=ax)
    titled(ax, "What there is to learn")


def curves(trained: Trained, ax: Axes) -> None:
    plots.curves(trained.history, ax=ax)
    titled(ax, "How training went")


def filters(trained: Trained, ax: Axes) -> None:
    plots.filters(trained.params[0].w, ax=ax)
    titled(ax, "What the first layer looks for")


def attention(trained: Trained, ax: Axes) -> None:
    """Of two images of each of eight classes, by the hand-written backward pass."""
    loss, test = losses.cross_entropy(), trained.test
    labels, predicted, _ = predict(trained.model, loss, trained.params, test)
    shown = [np.flatnonzero(labels == label)[:2] for label in range(8)]
    shown = np.concatenate(shown)
    images = test.arrays["image"][shown]
    _, cache = trained.model.forward(trained.params, jnp.asarray(test.transform(images)))
    _, dx = trained.model.backward(trained.params, cache, jax.nn.one_hot(predicted[shown], 10))
    plots.attention(images, dx, labels[shown], predicted[shown], test.classes, ax=ax)
    ax.set_anchor("N")


def paths(ax: Axes) -> None:
    def valley(x, y):
        return 0.5 * (0.05 * x**2 + y**2)

    def path(optimizer, steps=60):
        def step(carry, _):
            theta, state = carry
            grads = jax.grad(lambda theta: valley(*theta))(theta)
            updates, state = optimizer.update(grads, state, theta)
            theta = optimizers.apply_updates(theta, updates)
            return (theta, state), theta

        theta = jnp.array([-9.0, 1.8])
        way = jax.lax.scan(step, (theta, optimizer.init(theta)), None, length=steps)[1]
        return np.concatenate([theta[None], way])

    ways = {
        "sgd": path(optimizers.sgd(1.7)),
        "momentum": path(optimizers.momentum(0.2)),
        "rmsprop": path(optimizers.rmsprop(0.2)),
        "adam": path(optimizers.adam(0.4)),
    }
    plots.paths(valley, ways, (-10, 4), (-3, 3), minimum=(0, 0), ax=ax)
    titled(ax, "How optimizers go downhill")


def mistake(ax: Axes) -> None:
    """An image less its neighbours, where left meets right; backward takes the edges for ends."""

    def forward(x):
        return 4 * x - sum(np.roll(x, by, axis) for by in (1, -1) for axis in (0, 1)), None

    def backward(dy, _):
        wide = np.pad(dy, 1)
        return 4 * dy - wide[2:, 1:-1] - wide[:-2, 1:-1] - wide[1:-1, 2:] - wide[1:-1, :-2]

    x = np.random.default_rng(0).normal(size=(24, 32))
    plots.gradient_errors(explain(forward, backward, x), ax=ax)
    titled(ax, "Where a gradient is wrong: at the edges")


def titled(ax: Axes, title: str) -> None:
    """A title in place of the picture's own, at one height in a row."""
    ax.set_title(title, loc="left", color=INK, fontweight="bold", pad=26)
    ax.set_anchor("N")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
