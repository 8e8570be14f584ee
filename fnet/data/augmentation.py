"""Augmentation: random changes to images while a network trains, inside the compiled step.

Each works on the pixels of a batch, before the dataset's transform: x is (N, H, W, C), uint8 from
0 to 255 or floating point, and keeps its shape and dtype. What is drawn follows from the key of
the step alone, so that it is the same for any number of workers, and in a run that is resumed.
Each row has a key of its own, by its place in the batch: what becomes of an image does not depend
on the others, except in `mixup`. Evaluation and prediction know nothing of it.

Each is a value that prints as the call that made it, so that a checkpoint can store it.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core.expect import require, require_number, require_whole
from fnet.core.trees import is_floating, widened
from fnet.core.values import Value, constructor
from fnet.errors import ConfigurationError

OWN = 2**31 - 1  # sets its key apart from those that layers split from the same one


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Augmentation(Value):
    """augmentation(key, x, target, outputs=None) -> x, target.

    `change(key, x) -> x` changes the images. `blend(key, target, outputs) -> target` changes the
    targets with the same key; `outputs` are those of the model, or their shape and dtype, which say
    how many classes there are. Either may be None, and changes nothing. Without a key, images and
    targets are returned as they are.

    >>> darker = Augmentation(lambda key, x: x // 2)
    >>> x, target = darker(jax.random.key(0), jnp.full((1, 2, 2, 3), 200), jnp.array([4]))
    >>> int(x.max()), target.tolist()
    (100, [4])
    """

    change: Callable[[PRNGKey, Array], Array] | None = None
    blend: Callable[[PRNGKey, Array, Any], Array] | None = None

    def __call__(
        self, key: PRNGKey | None, x: Array, target: Array, outputs: Any = None
    ) -> tuple[Array, Array]:
        return self.images(key, x), self.targets(key, target, outputs)

    def images(self, key: PRNGKey | None, x: Any) -> Any:
        """The images of a step with this key."""
        if key is None or self.change is None:
            return x
        return self.change(jax.random.fold_in(key, OWN), x)

    def targets(self, key: PRNGKey | None, target: Any, outputs: Any) -> Any:
        """The targets that belong to them, for a loss of these outputs."""
        if key is None or self.blend is None:
            return target
        return self.blend(jax.random.fold_in(key, OWN), target, outputs)


@constructor
def augment(*augmentations: Augmentation) -> Augmentation:
    """Apply augmentations from left to right; augment() changes nothing.

    The i-th draws from a key of its own, `fold_in(key, i)`.

    >>> augment(flip(), crop(padding=2))
    augment(flip(), crop(padding=2))
    """
    for each in augmentations:
        if not isinstance(each, Augmentation):
            raise ConfigurationError(
                f"augment: {each!r} is not an augmentation; pass calls, such as flip()"
            )

    def change(key: PRNGKey, x: Array) -> Array:
        for place, each in enumerate(augmentations):
            if each.change is not None:
                x = each.change(jax.random.fold_in(key, place), x)
        return x

    def blend(key: PRNGKey, target: Array, outputs: Any) -> Array:
        for place, each in enumerate(augmentations):
            if each.blend is not None:
                target = each.blend(jax.random.fold_in(key, place), target, outputs)
        return target

    changes = any(each.change is not None for each in augmentations)
    blends = any(each.blend is not None for each in augmentations)
    return Augmentation(change if changes else None, blend if blends else None)


@constructor
def flip(horizontal: bool = True, vertical: bool = False) -> Augmentation:
    """Mirror each image with probability ½: left to right if `horizontal`, top to bottom if
    `vertical`.

        y[n, i, j] = x[n, i, W − 1 − j]        horizontally, with probability one half
        y[n, i, j] = x[n, H − 1 − i, j]        vertically, with probability one half

    x and y: (N, H, W, C). The two are independent. Raises ConfigurationError for
    neither, ShapeError where x is not a batch of images.

    >>> x = jnp.arange(4.0).reshape(1, 1, 4, 1).repeat(6, axis=0)
    >>> y, _ = flip()(jax.random.key(0), x, None)
    >>> sorted({tuple(row) for row in y[:, 0, :, 0].tolist()})
    [(0.0, 1.0, 2.0, 3.0), (3.0, 2.0, 1.0, 0.0)]
    """
    if not (horizontal or vertical):
        raise ConfigurationError("flip: neither horizontal nor vertical; leave it out instead")

    def change(key: PRNGKey, x: Array) -> Array:
        _require_images("flip", x)
        across, down = _each(key, x, lambda own: jax.random.bernoulli(own, shape=(2,))).T
        if horizontal:
            x = jnp.where(_wide(across), x[:, :, ::-1], x)
        if vertical:
            x = jnp.where(_wide(down), x[:, ::-1], x)
        return x

    return Augmentation(change)


@constructor
def crop(padding: int = 4) -> Augmentation:
    """Surround each image by `padding` black pixels, and cut out its own size at a random place.

        y[n, i, j] = x[n, i + a, j + b]        or 0 beyond the edge

    x and y: (N, H, W, C). Of each image a and b are whole numbers, from −padding to padding, all
    equally probable. Raises ConfigurationError for a padding that is not a whole number of at
    least 0, ShapeError where x is not a batch of images.
    Source: He et al. (2015), Deep Residual Learning, section 4.2, arXiv:1512.03385.

    >>> x = jnp.array([0, 7, 0], jnp.uint8).reshape(1, 3, 1, 1)
    >>> y, _ = crop(padding=1)(jax.random.key(0), jnp.tile(x, (99, 1, 1, 1)), None)
    >>> y.shape, sorted({tuple(image) for image in y[:, :, 0, 0].tolist() if any(image)})
    ((99, 3, 1, 1), [(0, 0, 7), (0, 7, 0), (7, 0, 0)])
    """
    require_whole("crop: padding", padding, least=0)

    def offsets(key: PRNGKey) -> Array:
        return jax.random.randint(key, (2,), -padding, padding + 1, jnp.int32)

    def change(key: PRNGKey, x: Array) -> Array:
        _require_images("crop", x)
        # One gather: on a CPU 0.27 ms for 128 images of 32 x 32 x 3, where a padded copy and a
        # slice of each take 0.39, and two products with 0 and 1 take 1.2.
        down, across = _each(key, x, offsets).T
        i, inside_i = _shifted(down, x.shape[1])
        j, inside_j = _shifted(across, x.shape[2])
        y = x[jnp.arange(len(x))[:, None, None], i[:, :, None], j[:, None, :]]
        inside = inside_i[:, :, None, None] & inside_j[:, None, :, None]
        return jnp.where(inside, y, jnp.zeros((), x.dtype))

    return Augmentation(change)


@constructor
def cutout(size: int) -> Augmentation:
    """Blacken a square of size x size pixels in each image, at a random place.

    x and y: (N, H, W, C). Its rows are the `size` ones from a − size // 2 on, its columns those
    from b − size // 2 on, where (a, b) is any pixel of the image, all equally probable: a square
    may stand out over the edge. Raises ConfigurationError for a size that is not a whole number of
    at least 1, ShapeError where x is not a batch of images, or the square is larger than they are.
    Source: DeVries & Taylor (2017), Improved Regularization of Convolutional Neural Networks with
    Cutout, arXiv:1708.04552.

    >>> y, _ = cutout(3)(jax.random.key(0), jnp.ones((99, 5, 5, 1)), None)
    >>> sorted(set((25 - y.sum(axis=(1, 2, 3))).tolist()))  # black pixels, 4 in a corner
    [4.0, 6.0, 9.0]
    """
    require_whole("cutout: size", size, least=1)

    def change(key: PRNGKey, x: Array) -> Array:
        _require_images("cutout", x)
        _, height, width, _ = x.shape
        require(
            size <= max(height, width),
            f"cutout: size is {size}, and the images are {height} x {width}; take a smaller size",
        )
        ends = jnp.array([height, width], jnp.int32)
        middle = _each(key, x, lambda own: jax.random.randint(own, (2,), 0, ends, jnp.int32))
        down, across = (middle - size // 2).T
        i, j = _within(down, height, size), _within(across, width, size)
        return jnp.where(i[:, :, None, None] & j[:, None, :, None], jnp.zeros((), x.dtype), x)

    return Augmentation(change)


@constructor
def brightness(most: float) -> Augmentation:
    """Multiply each image by a random number, the same for all of its pixels.

        y = f x

    f is uniform from 1 − most to 1 + most. x and y: (N, H, W, C). uint8 is computed in float32,
    rounded, and clipped to 0 to 255; floating point, whose range is not known, is not clipped, and
    narrow floats are computed in float32.
    Raises ConfigurationError unless `most` is from 0 to 1, ShapeError where x is not a batch of
    images.

    >>> x = jnp.full((9, 1, 1, 1), 100, jnp.uint8)
    >>> y, _ = brightness(0.2)(jax.random.key(0), x, None)
    >>> y.dtype, bool(((80 <= y) & (y <= 120)).all()), len(set(y.ravel().tolist())) > 1
    (dtype('uint8'), True, True)
    """
    require_number("brightness: most", most, least=0, most=1)

    def change(key: PRNGKey, x: Array) -> Array:
        _require_images("brightness", x)
        factor = _factors(key, x, most)
        return _in_floats(lambda x: factor.astype(x.dtype) * x, x)

    return Augmentation(change)


@constructor
def contrast(most: float) -> Augmentation:
    """Move each image's pixels away from their mean, or towards it, by a random factor.

        y = m + f (x − m)

    f is uniform from 1 − most to 1 + most, m the mean of a channel of the image. x and y: (N, H, W,
    C), computed, rounded and clipped as in `brightness`. Raises ConfigurationError unless `most` is
    from 0 to 1, ShapeError where x is not a batch of images.

    >>> x = jnp.array([90.0, 110.0]).reshape(1, 1, 2, 1)
    >>> y, _ = contrast(0.5)(jax.random.key(0), x, None)
    >>> round(float(y.mean())), bool(5 <= y.max() - 100 <= 15)
    (100, True)
    """
    require_number("contrast: most", most, least=0, most=1)

    def change(key: PRNGKey, x: Array) -> Array:
        _require_images("contrast", x)
        factor = _factors(key, x, most)

        def spread(x: Array) -> Array:
            mean = x.mean(axis=(1, 2), keepdims=True)
            return mean + factor.astype(x.dtype) * (x - mean)

        return _in_floats(spread, x)

    return Augmentation(change)


@constructor
def mixup(alpha: float = 0.2) -> Augmentation:
    """Blend each image and its target with those of another row of the batch.

        y[n] = λₙ x[n] + (1 − λₙ) x[k]        t[n] = λₙ u[n] + (1 − λₙ) u[k]

    Of each row k is any other, all equally probable, and λ is drawn from Beta(alpha, alpha), or is
    1 − λ if that is larger: a pair comes in both orders, so that nothing is lost, and the image's
    own target weighs most. Training counts an answer as correct by that target. x and y: (N, H, W,
    C); uint8 is rounded.

    u are targets that are floating point, or one-hot labels: t is (N, C), C being that of the
    model's outputs, for a loss that takes soft labels, such as `cross_entropy`. Where outputs have
    the shape of the labels, as for `bce`, t is (N,). A label out of range makes its rows NaN.
    Raises ConfigurationError unless alpha is above 0, ShapeError where x is not a batch of images.
    Source: Zhang et al. (2018), mixup: Beyond Empirical Risk Minimization, arXiv:1710.09412.

    >>> x, labels = jnp.array([0.0, 8.0]).reshape(2, 1, 1, 1), jnp.array([0, 1])
    >>> y, t = mixup(1.0)(jax.random.key(0), x, labels, outputs=jnp.zeros((2, 2)))
    >>> bool(jnp.allclose(t.sum(-1), 1)), bool(jnp.allclose(y.ravel(), 8 * t[:, 1]))
    (True, True)
    """
    require_number("mixup: alpha", alpha, above=0)

    def pairs(key: PRNGKey, n: int) -> tuple[Array, Array]:
        """Another row for each, and the share of its own."""
        far, shares = jax.random.split(key)
        distance = jax.random.randint(far, (n,), 1, max(n, 2), jnp.int32)
        other = (jnp.arange(n, dtype=jnp.int32) + distance) % n
        return other, _larger_shares(shares, alpha, n)

    def blended(key: PRNGKey, x: Array) -> Array:
        other, share = pairs(key, len(x))
        share = share.reshape(-1, *(1,) * (x.ndim - 1)).astype(x.dtype)
        return share * x + (1 - share) * x[other]

    def change(key: PRNGKey, x: Array) -> Array:
        _require_images("mixup", x)
        return _in_floats(lambda x: blended(key, x), x)

    def blend(key: PRNGKey, target: Array, outputs: Any) -> Array:
        return blended(key, _shares_of_classes(target, outputs))

    return Augmentation(change, blend)


def _larger_shares(key: PRNGKey, alpha: float, n: int) -> Array:
    """max(λ, 1 − λ) for n numbers λ ~ Beta(alpha, alpha), without any rejected.

    With s = √(1 − u^(2 / (2 alpha + 1))) cos 2πv, (1 + s)/2 ~ Beta(alpha + 1, alpha + 1) (Ulrich,
    1984), the share of one Gamma(alpha + 1) in two. Each times a uniform number to the power of
    1/alpha is Gamma(alpha): to the logarithm of the odds that adds a Laplace number over alpha.
    """
    circle, tails = jax.random.split(key)
    u, v = jax.random.uniform(circle, (2, n), jnp.float32)
    s = jnp.sqrt(-jnp.expm1(jnp.log(u) * (2 / (2 * alpha + 1)))) * jnp.cos(2 * jnp.pi * v)
    odds = 2 * jnp.arctanh(s) + jax.random.laplace(tails, (n,), jnp.float32) / alpha
    return jax.nn.sigmoid(jnp.abs(odds))


def _shares_of_classes(target: Array, outputs: Any) -> Array:
    """Floating-point targets as they are; labels one-hot, or 0.0 and 1.0, as the outputs are."""
    if is_floating(target):
        return widened(target)
    require(
        hasattr(outputs, "shape"),
        f"mixup: the labels are {target.dtype}, and the number of classes is not known; give the "
        "model's outputs: mixup(0.2)(key, x, labels, outputs=y)",
    )
    dtype = outputs.dtype if outputs.dtype.itemsize >= 4 else jnp.float32
    if outputs.shape[1:] == target.shape[1:]:
        return target.astype(dtype)
    require(
        outputs.shape[1:-1] == target.shape[1:],
        f"mixup: labels are {target.shape} and the model's outputs {outputs.shape}; they must be "
        "(N,) and (N, C)",
    )
    classes = outputs.shape[-1]
    labels = target.astype(jnp.int32)
    hit = jax.nn.one_hot(labels, classes, dtype=dtype)
    known = (labels >= 0) & (labels < classes)
    return jnp.where(known[..., None], hit, jnp.nan)


def _require_images(name: str, x: Any) -> None:
    """ShapeError unless x is a batch of images."""
    shape = getattr(x, "shape", None)
    require(
        shape is not None and len(shape) == 4,
        f"{name}: the input is {f'of shape {shape}' if shape is not None else type(x).__name__}; "
        "it must be one array of images, (N, H, W, C), before any transform",
    )
    require(
        x.dtype == jnp.uint8 or is_floating(x),
        f"{name}: the images are {x.dtype}; they must be uint8, from 0 to 255, or floating point: "
        "images.astype(np.uint8)",
    )


def _each(key: PRNGKey, x: Array, draw: Callable[[PRNGKey], Array]) -> Array:
    """draw(key) for each row, with a key of its own, whatever the number of rows."""
    rows = jnp.arange(len(x), dtype=jnp.uint32)
    return jax.vmap(lambda row: draw(jax.random.fold_in(key, row)))(rows)


def _factors(key: PRNGKey, x: Array, most: float) -> Array:
    """A number about 1 for each row, (N, 1, 1, 1)."""

    def factor(key: PRNGKey) -> Array:
        return jax.random.uniform(key, (), jnp.float32, 1 - most, 1 + most)

    return _wide(_each(key, x, factor))


def _in_floats(function: Callable[[Array], Array], x: Array) -> Array:
    """function(x) computed in float32 or wider, in the dtype of x."""
    if x.dtype == jnp.uint8:
        y = function(x.astype(jnp.float32))
        return jnp.clip(jnp.rint(y), 0, 255).astype(jnp.uint8)
    return function(widened(x)).astype(x.dtype)


def _shifted(by: Array, size: int) -> tuple[Array, Array]:
    """(N, size): the places i + by, clipped to the edges, and which of them are inside."""
    places = by[:, None] + jnp.arange(size, dtype=by.dtype)[None]
    return places.clip(0, size - 1), (places >= 0) & (places < size)


def _within(begin: Array, size: int, length: int) -> Array:
    """(N, size): whether place i is one of the `length` from `begin` on."""
    places = jnp.arange(size, dtype=begin.dtype)[None] - begin[:, None]
    return (places >= 0) & (places < length)


def _wide(rows: Array) -> Array:
    """(N,) as (N, 1, 1, 1)."""
    return rows[:, None, None, None]
