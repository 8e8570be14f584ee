"""PyTorch's derivative formulas, which it writes by hand, as pairs of NumPy functions."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "torch"


def _case(name: str, function: Any, *arguments: Any, label: str = "", exact: Any = None) -> Case:
    return Case(PACKAGE, name, from_torch(function), arguments, label, exact)


def cases() -> Iterator[Case]:
    yield from _special()
    yield from _activations()
    yield from _losses()
    yield from _linear_algebra()
    yield from _arrays()


def _draw(low: float, high: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(20).uniform(low, high, shape or (6,))


def _special() -> Iterator[Case]:
    from torch import special

    x, p, far = _draw(-3, 3), _draw(0.05, 0.95), np.array([0.0, 20.0, -20.0])
    positive = _draw(0.3, 4)
    for name, at, exact in (
        ("erfcx", x, lambda x: mp.exp(x * x) * mp.erfc(x)),
        ("erfinv", 2 * p - 1, mp.erfinv),
        ("entr", positive, lambda x: -x * mp.log(x)),
        ("i0", x, lambda x: mp.besseli(0, x)),
        ("i0e", x, lambda x: mp.exp(-abs(x)) * mp.besseli(0, x)),
        ("i1", x, lambda x: mp.besseli(1, x)),
        ("i1e", x, lambda x: mp.exp(-abs(x)) * mp.besseli(1, x)),
        ("ndtri", p, lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1)),
        ("log_ndtr", x, lambda x: mp.log(mp.ncdf(x))),
        ("digamma", positive, mp.digamma),
        ("gammaln", positive, mp.loggamma),
        ("logit", p, lambda p: mp.log(p / (1 - p))),
        ("sinc", x, lambda x: mp.sincpi(x)),
        ("expm1", x, mp.expm1),
    ):
        yield _case(f"special.{name}", getattr(special, name), at, exact=exact)
    for name, exact in (
        ("log_ndtr", lambda x: mp.log(mp.ncdf(x))),
        ("i0e", lambda x: mp.exp(-abs(x)) * mp.besseli(0, x)),
        ("i1e", lambda x: mp.exp(-abs(x)) * mp.besseli(1, x)),
        ("i1", lambda x: mp.besseli(1, x)),
        ("sinc", lambda x: mp.sincpi(x)),
    ):
        yield _case(f"special.{name}", getattr(special, name), far, label="0, far", exact=exact)
    y = _draw(0.5, 3)[::-1].copy()
    yield _case("special.xlogy", special.xlogy, x, y, exact=lambda x, y: x * mp.log(y))
    yield _case("special.xlogy", special.xlogy, np.zeros(2), np.array([0.0, 2.0]), label="0")
    yield _case("special.xlog1py", special.xlog1py, x, y, exact=lambda x, y: x * mp.log1p(y))
    yield _case("special.polygamma", lambda x: special.polygamma(2, x), positive,
                exact=lambda x: mp.polygamma(2, x))  # fmt: skip
    yield _case("special.zeta", lambda q: special.zeta(2.5, q), positive)
    yield _case("special.multigammaln", lambda a: special.multigammaln(a, 3), positive + 1.5)


def _activations() -> Iterator[Case]:
    from torch.nn import functional as of

    x, kinks = _draw(-3, 3, 2, 3), np.array([-3.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0])
    for name, function in {
        "gelu": of.gelu,
        "gelu, tanh": lambda x: of.gelu(x, approximate="tanh"),
        "silu": of.silu,
        "mish": of.mish,
        "elu": lambda x: of.elu(x, 1.3),
        "celu": lambda x: of.celu(x, 0.7),
        "selu": of.selu,
        "softplus": lambda x: of.softplus(x, beta=2.0, threshold=5.0),
        "logsigmoid": of.logsigmoid,
        "hardswish": of.hardswish,
        "hardsigmoid": of.hardsigmoid,
        "softshrink": of.softshrink,
        "hardshrink": of.hardshrink,
        "tanhshrink": of.tanhshrink,
        "softsign": of.softsign,
        "leaky_relu": of.leaky_relu,
        "relu6": of.relu6,
    }.items():
        yield _case(name, function, x)
        yield _case(name, function, kinks, label="kinks")
    yield _case("prelu", of.prelu, x, np.array([0.2]))
    yield _case("glu", lambda x: of.glu(x, 0), x)
    yield _case("softmax", lambda x: of.softmax(x, 1), x)
    yield _case("log_softmax", lambda x: of.log_softmax(x, 1), x)
    scale, shift = _draw(0.5, 2, 3), _draw(-1, 1, 3)
    yield _case("layer_norm", lambda x, w, b: of.layer_norm(x, (3,), w, b), x, scale, shift)
    yield _case("rms_norm", lambda x, w: of.rms_norm(x, (3,), w), x, scale)
    images = np.random.default_rng(3).normal(size=(2, 4, 3))
    yield _case("group_norm", lambda x: of.group_norm(x, 2), images)
    yield _case("instance_norm", of.instance_norm, images)
    yield _case("batch_norm", lambda x: of.batch_norm(x, None, None, training=True), images)
    yield _case("local_response_norm", lambda x: of.local_response_norm(x, 3), images)
    yield _case("normalize", lambda x: of.normalize(x, dim=1), x)


def _losses() -> Iterator[Case]:
    import torch
    from torch.nn import functional as of

    rng = np.random.default_rng(4)
    x, y, z = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    p, labels = rng.dirichlet(np.ones(4), 3), torch.tensor([0, 3, 1])
    sign = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    for name, function, arguments in (
        ("huber_loss", lambda x, y: of.huber_loss(x, y, delta=0.7), (x, y)),
        ("smooth_l1_loss", of.smooth_l1_loss, (2 * x, y)),
        ("binary_cross_entropy", lambda x: of.binary_cross_entropy(x, torch.from_numpy(p)),
         (1 - p,)),
        ("binary_cross_entropy_with_logits", of.binary_cross_entropy_with_logits, (x, p)),
        ("cross_entropy", lambda x: of.cross_entropy(x, labels, label_smoothing=0.1), (x,)),
        ("cross_entropy, probabilities", of.cross_entropy, (x, p)),
        ("kl_div", lambda x, p: of.kl_div(x, p, reduction="sum"), (x, p)),
        ("kl_div, log target", lambda x, y: of.kl_div(x, y, log_target=True), (x, y)),
        ("poisson_nll_loss", lambda x, y: of.poisson_nll_loss(x, y, full=False), (x, p)),
        ("gaussian_nll_loss", of.gaussian_nll_loss, (x, y, p + 0.1)),
        ("cosine_embedding_loss", lambda x, y: of.cosine_embedding_loss(x, y, sign, 0.2), (x, y)),
        ("margin_ranking_loss", lambda x, y: of.margin_ranking_loss(x, y, sign, 0.2),
         (x[:, 0], y[:, 0])),
        ("hinge_embedding_loss", lambda x: of.hinge_embedding_loss(x, sign[:, None], 0.7), (x,)),
        ("soft_margin_loss", lambda x: of.soft_margin_loss(x, sign[:, None].expand(3, 4)), (x,)),
        ("multi_margin_loss", lambda x: of.multi_margin_loss(x, labels, p=2), (x,)),
        ("multilabel_margin_loss", lambda x: of.multilabel_margin_loss(
            x, torch.tensor([[0, 2, -1, 1], [3, -1, 0, 0], [1, 0, 3, -1]])), (x,)),
        ("triplet_margin_loss", of.triplet_margin_loss, (x, y, z)),
        ("pairwise_distance", of.pairwise_distance, (x, y)),
        ("cosine_similarity", of.cosine_similarity, (x, y)),
        ("cdist", torch.cdist, (x, y)),
        ("cdist, p=3", lambda x, y: torch.cdist(x, y, p=3.0), (x, y)),
        ("pdist", of.pdist, (x,)),
    ):  # fmt: skip
        yield _case(name, function, *arguments)
    yield _case("cdist", torch.cdist, x, np.concatenate([x[:1], y]), label="one distance 0")
    targets = torch.tensor([[1, 2, 2], [3, 1, 1]])
    lengths = torch.tensor([6, 5]), torch.tensor([3, 2])
    yield _case("ctc_loss", lambda x: of.ctc_loss(
        of.log_softmax(x, -1), targets, *lengths, reduction="none"),
        rng.normal(size=(6, 2, 4)))  # fmt: skip
    logs = np.log(rng.dirichlet(np.ones(4), (6, 2)))
    yield _case("ctc_loss", lambda x: of.ctc_loss(x, targets, *lengths, reduction="none"), logs,
                label="of log-probabilities")  # fmt: skip


def _linear_algebra() -> Iterator[Case]:
    import torch
    from torch import linalg

    rng = np.random.default_rng(5)
    A, b, wide = rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    v = rng.normal(size=3)

    def definite(A: Any) -> Any:
        return A @ A.T + torch.eye(3, dtype=A.dtype)

    for name, function, arguments in (
        ("inv", linalg.inv, (A,)),
        ("det", linalg.det, (A,)),
        ("slogdet", lambda A: linalg.slogdet(A)[1], (A,)),
        ("solve", linalg.solve, (A, b)),
        ("cholesky", lambda A: linalg.cholesky(definite(A)), (A,)),
        ("eigvalsh", lambda A: linalg.eigvalsh(definite(A)), (A,)),
        ("eigh, projector", lambda A: linalg.eigh(definite(A))[1] ** 2, (A,)),
        ("svdvals", linalg.svdvals, (wide,)),
        ("svd, vectors", lambda A: linalg.svd(A, full_matrices=False)[2] ** 2, (wide,)),
        ("qr", lambda A: linalg.qr(A)[1], (wide.T.copy(),)),
        ("pinv", linalg.pinv, (wide,)),
        ("lstsq", lambda A, b: linalg.lstsq(A, b)[0], (wide.T.copy(), rng.normal(size=(4, 2)))),
        ("matrix_exp", torch.matrix_exp, (A,)),
        ("matrix_power", lambda A: linalg.matrix_power(A, 3), (A,)),
        ("norm, nuclear", lambda A: linalg.norm(A, "nuc"), (wide,)),
        ("norm, 2", lambda A: linalg.norm(A, 2), (wide,)),
        ("vector_norm, 3", lambda v: linalg.vector_norm(v, 3), (v,)),
        ("lu_solve", lambda A, b: linalg.lu_solve(*linalg.lu_factor(A), b), (A, b)),
        ("solve_triangular", lambda A, b: linalg.solve_triangular(A, b, upper=False),
         (np.tril(A) + 2 * np.eye(3), b)),
        ("cross", linalg.cross, (v, A[0])),
        ("householder_product", linalg.householder_product, (wide.T.copy() / 3, v / 3)),
        ("tensorinv", lambda A: linalg.tensorinv(A.reshape(2, 3, 6)), (rng.normal(size=(6, 6)),)),
    ):  # fmt: skip
        yield _case(f"linalg.{name}", function, *arguments)
    yield _case("linalg.det", linalg.det, np.outer(v, v), label="singular")
    yield _case("linalg.vector_norm", linalg.vector_norm, 0 * v, label="0")


def _arrays() -> Iterator[Case]:
    import torch

    rng = np.random.default_rng(6)
    x, ties = rng.normal(size=(3, 4)), np.array([[1.0, 2.0, 2.0, 0.5]])
    for name, function, arguments in (
        ("cumprod", lambda x: torch.cumprod(x, 1), (x,)),
        ("prod", lambda x: torch.prod(x, 1), (x,)),
        ("logcumsumexp", lambda x: torch.logcumsumexp(x, 1), (x,)),
        ("logaddexp", torch.logaddexp, (x, x[::-1].copy())),
        ("atan2", torch.atan2, (x, x[::-1].copy())),
        ("pow", torch.pow, (np.abs(x), x[::-1].copy())),
        ("fmod", torch.fmod, (5 * x, np.abs(x[::-1]) + 0.3)),
        ("remainder", torch.remainder, (5 * x, np.abs(x[::-1]) + 0.3)),
        ("lerp", torch.lerp, (x, x[::-1].copy(), np.abs(x))),
        ("std", lambda x: torch.std(x, 1), (x,)),
        ("kthvalue", lambda x: torch.kthvalue(x, 2, 1)[0], (x,)),
        ("renorm", lambda x: torch.renorm(x, 2, 0, 1.5), (x,)),
        ("hypot", torch.hypot, (x, x[::-1].copy())),
        ("scatter_reduce, prod", lambda x: torch.zeros(3, 2, dtype=x.dtype).scatter_reduce(
            1, torch.tensor([[0, 1, 1, 0]] * 3), x, "prod", include_self=False), (x,)),
    ):  # fmt: skip
        yield _case(name, function, *arguments)
    yield _case("amax", lambda x: torch.amax(x, 1), ties, label="ties")
    yield _case("median", lambda x: torch.median(x, 1)[0], ties, label="ties")
    zeros = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]])
    yield _case("cumprod", lambda x: torch.cumprod(x, 1), zeros, label="zeros")
    yield _case("prod", lambda x: torch.prod(x, 1), zeros, label="zeros")
    yield _case("std", lambda x: torch.std(x, 1), np.ones((2, 3)), label="constant")
    yield _case("pow", torch.pow, np.zeros(3), np.array([1.0, 2.0, 3.0]), label="0")
