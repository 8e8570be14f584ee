"""chainer: nodes with `forward` and `backward` written by hand, which keep their arrays."""

from collections.abc import Callable, Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.fourth.glue import with_old_names

PACKAGE = "chainer"
POINTWISE = {
    "clipped_relu": None, "elu": None, "hard_sigmoid": None, "leaky_relu": None, "relu": None,
    "relu6": None, "selu": None, "sigmoid": None, "softplus": None, "tanh": mp.tanh,
    "arctan": mp.atan, "cos": mp.cos, "cosh": mp.cosh, "sinh": mp.sinh, "tan": mp.tan,
    "erf": mp.erf, "erfc": mp.erfc, "expm1": mp.expm1, "floor": mp.floor, "fix": None,
    "sign": mp.sign, "square": lambda x: x * x, "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "log_ndtr": lambda x: mp.log(mp.ncdf(x)), "ndtr": mp.ncdf,
}  # fmt: skip
OF_PROBABILITIES = {
    "arccos": mp.acos, "arcsin": mp.asin, "arctanh": mp.atanh, "erfinv": mp.erfinv,
    "erfcinv": lambda x: mp.erfinv(1 - x), "lgamma": mp.loggamma, "digamma": mp.digamma,
    "ndtri": lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), "rsqrt": lambda x: 1 / mp.sqrt(x),
    "sqrt": mp.sqrt, "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "log1p": mp.log1p,
}  # fmt: skip


def of_variables(function: Callable[..., Any]) -> Pair:
    """A function of chainer's variables, and `chainer.grad` of it."""
    import chainer

    def run(arrays: Any) -> tuple[list[Any], Any]:
        given = [chainer.Variable(np.array(array)) for array in arrays]
        return given, function(*given)

    def forward(*arrays: Any) -> tuple[Any, Any]:
        out = run(arrays)[1]
        return (tuple(y.array for y in out) if isinstance(out, tuple) else out.array), arrays

    def backward(dout: Any, arrays: Any) -> Any:
        given, out = run(arrays)
        outs, douts = (out, dout) if isinstance(out, tuple) else ((out,), (dout,))
        douts = [chainer.Variable(np.asarray(d, y.dtype)) for d, y in zip(douts, outs, strict=True)]
        found = chainer.grad(list(outs), given, grad_outputs=douts)
        return tuple(
            np.zeros_like(x.array) if dx is None else dx.array
            for x, dx in zip(given, found, strict=True)
        )

    return Pair(forward, backward)


def _case(
    name: str, function: Any, *arrays: np.ndarray, label: str = "", exact: Any = None
) -> Case:
    return Case(PACKAGE, name, of_variables(function), arrays, label, exact)


def cases() -> Iterator[Case]:
    with_old_names()
    import chainer.functions as of

    rng = np.random.default_rng(41)
    x, p = rng.normal(size=(3, 4)), rng.uniform(0.1, 0.9, (3, 4))
    for name, exact in POINTWISE.items():
        yield _case(name, getattr(of, name), x, exact=exact)
    for name, exact in OF_PROBABILITIES.items():
        yield _case(name, getattr(of, name), p, exact=exact)
    for name in ("relu", "clipped_relu", "hard_sigmoid", "leaky_relu", "elu", "selu", "softplus"):
        edge = np.array([[0.0, 1.0, -2.5, 2.5, 20.0, -40.0]])
        yield _case(name, getattr(of, name), edge, label="kinks and far")
    yield from _of_rows(of, x, p)
    yield from _losses(of, rng, x, p)
    yield from _layers(of, rng, x, p)
    yield from _images(of, rng)


def _of_rows(of: Any, x: Any, p: Any) -> Iterator[Case]:
    for name in ("softmax", "log_softmax", "logsumexp", "prod", "cumprod", "cumsum", "max", "min",
                 "average", "normalize", "crelu", "batch_l2_norm_squared"):  # fmt: skip
        yield _case(name, getattr(of, name), x)
    zeros = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.5], [1.0, 2.0, 2.0]])
    yield _case("prod", lambda x: of.prod(x, axis=1), zeros, label="zeros")
    yield _case("cumprod", lambda x: of.cumprod(x, axis=1), zeros, label="zeros")
    yield _case("max", lambda x: of.max(x, axis=1), zeros, label="ties")
    yield _case("maxout", lambda x: of.maxout(x, 2), x)
    yield _case("swish", of.swish, x, p[0])
    yield _case("prelu", of.prelu, x, p[0])
    for name, arrays in (
        ("matmul", (x, p.T.copy())), ("maximum", (x, p)), ("minimum", (x, p)),
        ("linear_interpolate", (p, x, x[::-1].copy())),
        ("absolute_error", (x, p)),
        ("squared_error", (x, p)),
    ):  # fmt: skip
        yield _case(name, getattr(of, name), *arrays)
    yield _case("fmod", of.fmod, 3 * x, p, exact=lambda x, y: x - y * int(x / y))
    yield _case("bias", lambda x, y: of.bias(x, y, axis=0), x, p)
    yield _case("scale", lambda x, y: of.scale(x, y, axis=1), x, p[0])
    order = np.full((3, 4), 2, "i")
    yield _case("polygamma", lambda x: of.polygamma(order, x), p,
                exact=lambda x: mp.polygamma(2, x))  # fmt: skip
    yield _case("zeta", lambda q: of.zeta(np.full((3, 4), 2.5), q), p,
                exact=lambda q: mp.zeta(2.5, q))  # fmt: skip
    yield _case("pow", lambda x, y: x**y, p, x)
    yield _case("einsum", lambda a, b: of.einsum("ij,kj->ik", a, b), x, p)
    yield _case("pad", lambda x: of.pad(x, 1, "constant"), x)
    matrices = x[:, :3] + 2 * np.eye(3)
    yield _case("inv", of.inv, matrices)
    yield _case("det", of.det, matrices)
    yield _case("cholesky", of.cholesky, matrices @ matrices.T)


def _losses(of: Any, rng: Any, x: Any, p: Any) -> Iterator[Case]:
    labels, signs = np.array([0, 3, 1]), np.array([[0, 1, 1, 0]] * 3)
    pairs = np.array([0, 1, 0])
    paths = [np.array([0, 3, 1]), np.array([1, 2, 2])]
    words = np.array([[1, 2], [2, 2]], "i")
    for name, function, arrays in (
        ("softmax_cross_entropy", lambda x: of.softmax_cross_entropy(x, labels), (x,)),
        ("softmax_cross_entropy, ignored",
         lambda x: of.softmax_cross_entropy(x, np.array([0, -1, 2])), (x,)),
        ("softmax_cross_entropy, weights",
         lambda x: of.softmax_cross_entropy(x, labels, class_weight=p[0]), (x,)),
        ("sigmoid_cross_entropy", lambda x: of.sigmoid_cross_entropy(x, signs), (x,)),
        ("hinge, L1", lambda x: of.hinge(x, labels), (x,)),
        ("hinge, L2", lambda x: of.hinge(x, labels, norm="L2"), (x,)),
        ("huber_loss", lambda x, y: of.huber_loss(x, y, 0.7), (x, p)),
        ("mean_squared_error", of.mean_squared_error, (x, p)),
        ("mean_absolute_error", of.mean_absolute_error, (x, p)),
        ("contrastive", lambda a, b: of.contrastive(a, b, pairs), (x, p)),
        ("triplet", of.triplet, (x, p, x[::-1].copy())),
        ("decov", of.decov, (x,)),
        ("cross_covariance", of.cross_covariance, (x, p)),
        ("gaussian_kl_divergence", of.gaussian_kl_divergence, (x, p)),
        ("gaussian_nll", of.gaussian_nll, (x, p, p[::-1].copy())),
        ("bernoulli_nll", lambda y: of.bernoulli_nll(p, y), (x,)),
        ("crf1d", lambda c, a, b: of.crf1d(c, [a, b], paths), (rng.normal(size=(4, 4)), x, p)),
        ("connectionist_temporal_classification",
         lambda a, b, c: of.connectionist_temporal_classification([a, b, c], words, 0),
         tuple(rng.normal(size=(3, 2, 4)))),
    ):  # fmt: skip
        yield _case(name, function, *arrays)


def _layers(of: Any, rng: Any, x: Any, p: Any) -> Iterator[Case]:
    state = rng.normal(size=(3, 1))
    for name, function, arrays in (
        ("linear", of.linear, (x, p, p[:, 0].copy())),
        ("batch_normalization", of.batch_normalization, (x, p[0], p[1])),
        ("fixed_batch_normalization", of.fixed_batch_normalization, (x, p[0], p[1], x[0], p[2])),
        ("layer_normalization", of.layer_normalization, (x, p[0], p[1])),
        ("lstm", of.lstm, (state, x)),
        ("slstm", of.slstm, (state, state[::-1].copy(), x, x[::-1].copy())),
        ("tree_lstm", of.tree_lstm, (state, state[::-1].copy(), rng.normal(size=(3, 5)))),
    ):
        yield _case(name, function, *arrays)
    single = np.float32(x), np.float32(p), rng.normal(size=(4, 4, 2)).astype("f")
    yield _case("bilinear", of.bilinear, *single, label="float32")


def _images(of: Any, rng: Any) -> Iterator[Case]:
    x, W, g = rng.normal(size=(1, 3, 5, 5)), rng.normal(size=(2, 3, 3, 3)), rng.uniform(size=(2, 3))
    back = W.transpose(1, 0, 2, 3).copy()
    points = rng.uniform(-0.9, 0.9, (1, 2, 3, 3))
    for name, function, arrays in (
        ("convolution_2d", lambda x, W: of.convolution_2d(x, W, stride=2, pad=1), (x, W)),
        ("convolution_2d, groups",
         lambda x, W: of.convolution_2d(x, W, groups=3), (x, rng.normal(size=(3, 1, 3, 3)))),
        ("deconvolution_2d", lambda x, W: of.deconvolution_2d(x, W, stride=2), (x, back)),
        ("dilated_convolution_2d", lambda x, W: of.dilated_convolution_2d(x, W, dilate=2), (x, W)),
        ("depthwise_convolution_2d", of.depthwise_convolution_2d, (x, W)),
        ("local_convolution_2d", of.local_convolution_2d, (x, rng.normal(size=(1, 3, 3, 3, 3, 3)))),
        ("max_pooling_2d", lambda x: of.max_pooling_2d(x, 2), (x,)),
        ("average_pooling_2d", lambda x: of.average_pooling_2d(x, 3, 2, 1), (x,)),
        ("unpooling_2d", lambda x: of.unpooling_2d(x, 2, cover_all=False),
         (x[..., :2, :2].copy(),)),
        ("depth2space", lambda x: of.depth2space(x, 2), (rng.normal(size=(1, 4, 2, 2)),)),
        ("shift", lambda x: of.shift(x, 3), (rng.normal(size=(1, 9, 4, 4)),)),
        ("local_response_normalization", of.local_response_normalization, (x,)),
        ("group_normalization", lambda x, g, b: of.group_normalization(x, 3, g, b), (x, *g)),
        ("spatial_transformer_sampler", of.spatial_transformer_sampler, (x, points)),
        ("spatial_transformer_grid", lambda t: of.spatial_transformer_grid(t, (2, 3)),
         (rng.normal(size=(1, 2, 3)),)),
        ("deformable_convolution_2d_sampler", of.deformable_convolution_2d_sampler,
         (x[:, :, :4, :4].copy(), rng.uniform(-0.3, 0.3, (1, 18, 2, 2)), W)),
    ):  # fmt: skip
        yield _case(name, function, *arrays)
    single = x[:, :1].astype("f")
    yield _case("resize_images", lambda x: of.resize_images(x, (7, 4)), single, label="float32")
    boxes = np.array([[0, 0, 3.0, 3.0]], "f")

    def align(x):
        return of.roi_average_align_2d(x, boxes, np.array([0], "i"), 2, 1.0, 2)

    yield _case("roi_average_align_2d", align, single, label="float32")
