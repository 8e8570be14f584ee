"""The classic networks, each a few lines of composition."""

from fnet.compose import serial
from fnet.core import Layer
from fnet.errors import ConfigurationError
from fnet.initializers import he_normal, normal
from fnet.layers import affine, relu, sigmoid, squeeze


def logistic_regression(l2: float = 0.0) -> Layer:
    """The probability that a row belongs to class 1: ŷ = σ(x · w + b), of shape (N,).

    w is initialised as 0.001 · N(0, 1), b as 0; the penalty is l2 · Σ w². For `losses.bce`.
    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.2.

    >>> logistic_regression()
    serial(affine(1, w_init=normal(0.001)), squeeze(), sigmoid())
    """
    return serial(affine(1, w_init=normal(1e-3), l2=l2), squeeze(), sigmoid())


def linear_regression(l2: float = 0.0) -> Layer:
    """A number per row, affine in its features: ŷ = x · w + b, of shape (N,).

    w is initialised as 0.001 · N(0, 1), b as 0; the penalty is l2 · Σ w². For `losses.mse`, of
    a target that `losses.standardized` brings to the size of 1.
    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 3.1.

    >>> linear_regression()
    serial(affine(1, w_init=normal(0.001)), squeeze())
    """
    return serial(affine(1, w_init=normal(1e-3), l2=l2), squeeze())


def classification_net(
    classes: int,
    hidden: int | tuple[int, ...] = 100,
    layers: int | None = None,
    activation: Layer = relu(),
    std: float | None = None,
    l2: float = 0.0,
) -> Layer:
    """Affine layers with activations between them; the output is (N, classes) logits.

    `hidden` is the width of all hidden layers, `layers` affine layers in all (2 if None), or the
    widths of each: (200, 100).

    Rows may have any shape. Weights are initialised as N(0, std²) or, if std is None, by
    `he_normal` (He et al. 2015), which preserves the signal of a deep network; biases as 0. The
    penalty is l2 · Σ w² over all weights, biases excluded. For `losses.cross_entropy`.

    >>> classification_net(10)
    serial(affine(100), relu(), affine(10))
    """
    return serial(*_dense("classification_net", classes, hidden, layers, activation, std, l2))


def regression_net(
    hidden: int | tuple[int, ...] = 100,
    layers: int | None = None,
    activation: Layer = relu(),
    std: float | None = None,
    l2: float = 0.0,
) -> Layer:
    """As `classification_net`, with one output: a number per row, of shape (N,).

    For `losses.mse`, of a target that `losses.standardized` brings to the size of 1.

    >>> regression_net(hidden=20)
    serial(affine(20), relu(), affine(1), squeeze())
    """
    return serial(*_dense("regression_net", 1, hidden, layers, activation, std, l2), squeeze())


def _dense(
    name: str,
    outputs: int,
    hidden: int | tuple[int, ...],
    layers: int | None,
    activation: Layer,
    std: float | None,
    l2: float,
) -> tuple[Layer, ...]:
    """So many affine layers, with activations between them."""
    if isinstance(hidden, int):
        layers = 2 if layers is None else layers
        if layers < 1:
            raise ConfigurationError(f"{name}: layers is {layers}; it must be 1 or more")
        hidden = (hidden,) * (layers - 1)
    elif layers not in (None, len(hidden) + 1):
        raise ConfigurationError(
            f"{name}: hidden {hidden} makes {len(hidden) + 1} layers, and layers is {layers}; "
            "leave it out"
        )
    w_init = he_normal if std is None else normal(std)
    blocks = [(affine(width, w_init=w_init, l2=l2), activation) for width in hidden]
    last = affine(outputs, w_init=w_init, l2=l2)
    return *(layer for block in blocks for layer in block), last
