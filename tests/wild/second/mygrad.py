"""mygrad: NumPy's functions with hand-written backward passes, and those of networks."""

import functools
from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "mygrad"
ORDINARY = np.array([-1.7, -0.4, 0.3, 1.2])
BEYOND = np.array([1.3, 2.1, -1.6])
ONE = {
    **dict.fromkeys(("exp2", "cbrt", "sinc", "arcsinh", "arctan", "tanh", "sech"), ORDINARY),
    **dict.fromkeys(("csch", "coth", "cot", "sec", "csc", "abs", "reciprocal", "arccot"), ORDINARY),
    **dict.fromkeys(("arccsc", "arcsec", "arccoth"), BEYOND),
    "arccsch": ORDINARY,
    "arctanh": ORDINARY / 2,
    "log2": np.array([0.2, 1.0, 7.0]),
    "arccosh": np.array([1.1, 3.0, 7.0]),
}  # fmt: skip
EXACT = {
    **{name: getattr(mp, name) for name in ("sech", "csch", "coth", "cot", "sec", "csc")},
    **{name: getattr(mp, name) for name in ("acsc", "asec", "acoth")},
}


def of_tensors(function: Any) -> Pair:
    """A function of mygrad's tensors, and what they say of themselves after `backward`."""
    import mygrad

    def tensors(arrays: Any) -> Any:
        return [mygrad.tensor(a, copy=True) if a.dtype.kind == "f" else a for a in arrays]

    def forward(*arrays: Any) -> Any:
        arrays = tuple(map(np.asarray, arrays))
        return np.array(function(*tensors(arrays)).data), arrays

    def backward(dout: Any, arrays: Any) -> Any:
        given = tensors(arrays)
        function(*given).backward(dout)
        return tuple(None if isinstance(a, np.ndarray) else a.grad for a in given)

    return Pair(forward, backward)


def _case(name: str, function: Any, *arrays: np.ndarray, label: str = "") -> Case:
    exact = EXACT.get(name.replace("arc", "a")) if len(arrays) == 1 and not label else None
    return Case(PACKAGE, name, of_tensors(function), arrays, label, exact)


def cases() -> Iterator[Case]:
    yield from _mathematics()
    yield from _reductions()
    yield from _networks()


def _mathematics() -> Iterator[Case]:
    import mygrad as of

    rng = np.random.default_rng(6)
    for name, at in ONE.items():
        yield _case(name, getattr(of, name), at)
    yield _case("sinc", of.sinc, np.array([0.0, 1.0, -2.0]), label="zeros")
    yield _case("abs", of.abs, np.array([0.0, 1.0, -2.0]), label="kink")
    x, y = rng.normal(size=(2, 3, 2))
    for name in ("logaddexp", "logaddexp2", "arctan2", "maximum", "divide"):
        yield _case(name, getattr(of, name), x, y)
        yield _case(name, getattr(of, name), x, y[:1], label="broadcast")
    yield _case("power", of.power, np.abs(x), y)
    yield _case("power", lambda x: x**3, x, label="cube")
    yield _case("maximum", of.maximum, x, x.copy(), label="ties")
    yield _case("clip", lambda x: of.clip(x, -0.5, 0.5), x)
    yield _case("where", lambda x, y: of.where(x.data > 0, x, y), x, y)
    a, b, c = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    yield _case("matmul", of.matmul, a, b)
    yield _case("multi_matmul", lambda *each: of.multi_matmul(each), a, b, c)
    yield _case("einsum", lambda a, b: of.einsum("ij,jk->k", a, b), a, b)
    yield _case(
        "einsum", lambda a: of.einsum("ii->i", a), rng.normal(size=(3, 3)), label="diagonal"
    )
    yield _case("einsum", lambda a: of.einsum("ij,ij->i", a, a), a, label="twice the same")
    yield _case("add_sequence", of.add_sequence, x, y, x + 1)
    yield _case("multiply_sequence", of.multiply_sequence, x, y, x + 1)


def _reductions() -> Iterator[Case]:
    import mygrad as of

    rng = np.random.default_rng(7)
    x = rng.normal(size=(3, 4))
    for name in ("sum", "mean", "prod", "cumsum", "cumprod", "var", "std", "max", "min"):
        function = getattr(of, name)
        yield _case(name, functools.partial(function, axis=1), x)
        yield _case(name, function, x, label="all")
    yield _case("var", lambda x: of.var(x, axis=0, ddof=1), x, label="ddof 1")
    zeros = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.5]])
    yield _case("prod", lambda x: of.prod(x, axis=1), zeros, label="zeros")
    yield _case("cumprod", lambda x: of.cumprod(x, axis=1), zeros, label="zeros")
    yield _case("linalg.norm", lambda x: of.linalg.norm(x, axis=1), x)
    yield _case("linalg.norm", lambda x: of.linalg.norm(x, ord=3, axis=1), x, label="order 3")
    yield _case("linalg.norm", of.linalg.norm, np.zeros(3), label="zeros")


def _networks() -> Iterator[Case]:
    from mygrad.nnet import activations, layers, losses

    rng = np.random.default_rng(8)
    x, labels = rng.normal(size=(4, 6)), np.array([1, 0, 5, 2])
    for name, options in (("elu", {"alpha": 1.3}), ("selu", {}), ("leaky_relu", {"slope": 0.1}),
                          ("hard_tanh", {}), ("glu", {}), ("softmax", {}), ("logsoftmax", {}),
                          ("sigmoid", {}), ("soft_sign", {})):  # fmt: skip
        yield _case(name, functools.partial(getattr(activations, name), **options), x)
    scores = rng.dirichlet(np.ones(6), 4)
    yield _case("softmax_crossentropy", lambda x: losses.softmax_crossentropy(x, labels), x)
    yield _case("negative_log_likelihood", lambda x: losses.negative_log_likelihood(x, labels), x)
    yield _case("multiclass_hinge", lambda x: losses.multiclass_hinge(x, labels), x)
    for gamma in (0.0, 1.0, 2.5):
        function = functools.partial(losses.focal_loss, targets=labels, alpha=0.7, gamma=gamma)
        yield _case("focal_loss", function, scores, label=f"gamma {gamma}")
    yield _case("softmax_focal_loss",
                lambda x: losses.softmax_focal_loss(x, labels, gamma=2.0), x)  # fmt: skip
    one, two = rng.normal(size=(2, 5))
    sides = np.array([1, -1, 1, 1, -1])
    yield _case("margin_ranking_loss",
                lambda a, b: losses.margin_ranking_loss(a, b, sides, 0.5), one, two)  # fmt: skip
    images, bank = rng.normal(size=(2, 3, 5, 5)), rng.normal(size=(2, 3, 3, 3))
    yield _case("conv_nd", functools.partial(layers.conv_nd, stride=1, padding=1), images, bank)
    yield _case(
        "conv_nd", functools.partial(layers.conv_nd, stride=2), images, bank, label="stride"
    )
    pooled = functools.partial(layers.max_pool, pool=(2, 2), stride=1)
    yield _case("max_pool", pooled, images[:1, :2])
    gamma, beta = rng.normal(size=(2, 6))

    def normed(x: Any, gamma: Any, beta: Any) -> Any:
        return layers.batchnorm(x, gamma=gamma, beta=beta, eps=1e-5)

    yield _case("batchnorm", normed, x, gamma, beta)
