"""scikit-learn: losses and gradients of its models, derivatives of activations."""

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "scikit-learn"
X = np.random.default_rng(606).normal(size=(9, 3))
LABELS = np.array([0, 1, 2, 1, 0, 2, 2, 1, 0])


def cases() -> Iterator[Case]:
    """What `loss_gradient` and its like return, and derivatives beside functions."""
    rng = np.random.default_rng(607)
    yield from _activations(rng)
    yield from _networks(rng)
    yield from _losses(rng)
    yield from _linear_models(rng)
    yield from _neighbours(rng)


def _activations(rng: np.random.Generator) -> Iterator[Case]:
    from sklearn.neural_network import _base

    edge = np.array([[0.0, 2.0, -2.0], [40.0, -40.0, 0.0]])
    for name in ("identity", "logistic", "tanh", "relu"):

        def forward(x: Any, name: str = name) -> tuple[Any, Any]:
            y = x.copy()
            _base.ACTIVATIONS[name](y)
            return y, y.copy()

        def backward(dout: Any, y: Any, name: str = name) -> Any:
            delta = dout.copy()
            _base.DERIVATIVES[name](y, delta)
            return delta

        words = f"neural_network inplace_{name}_derivative"
        yield Case(PACKAGE, words, Pair(forward, backward), (rng.normal(size=(3, 3)),), "ordinary")
        yield Case(PACKAGE, words, Pair(forward, backward), (edge,), "edge 0, ±40")


def _networks(rng: np.random.Generator) -> Iterator[Case]:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    number = rng.normal(size=9)
    for name, make, y, target, options in (
        ("relu", MLPClassifier, LABELS, np.eye(3)[LABELS], {}),
        ("tanh", MLPClassifier, LABELS, np.eye(3)[LABELS], {}),
        ("logistic", MLPClassifier, LABELS, np.eye(3)[LABELS], {}),
        ("two classes", MLPClassifier, LABELS > 0, np.c_[LABELS > 0] * 1.0, {}),
        ("squared error", MLPRegressor, number, number[:, None], {}),
        ("Poisson", MLPRegressor, np.exp(number), np.exp(number)[:, None], {"loss": "poisson"}),
    ):
        act = name if name in ("relu", "tanh", "logistic") else "tanh"
        given = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 1, "alpha": 0.2}
        given["solver"] = "lbfgs"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make(activation=act, **given, **options).fit(X, y)
        sizes = [X.shape[1], 3, target.shape[1]]
        loss = _network_loss(model, target, sizes)
        count = sum((rows + 1) * columns for rows, columns in itertools.pairwise(sizes))
        w = 0.6 * rng.normal(size=count)
        yield Case(PACKAGE, f"{make.__name__}._loss_grad_lbfgs", ValueAndGrad(loss), (w,), name)


def _network_loss(model: Any, target: Any, sizes: list[int]) -> Any:
    def loss(w: Any) -> Any:
        if w.shape != (sum((a + 1) * b for a, b in itertools.pairwise(sizes)),):
            raise ValueError("a vector of all weights")
        activations = [X, *(np.empty((len(X), size)) for size in sizes[1:])]
        deltas = [np.empty_like(each) for each in activations[1:]]
        weights = [np.empty(pair) for pair in itertools.pairwise(sizes)]
        biases = [np.empty(size) for size in sizes[1:]]
        return model._loss_grad_lbfgs(w, X, target, None, activations, deltas, weights, biases)

    return loss


def _losses(rng: np.random.Generator) -> Iterator[Case]:
    from sklearn._loss import loss as losses

    raw, number = rng.normal(size=6), rng.normal(size=6)
    positive, binary = rng.uniform(0.4, 3, 6), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    for loss, y in (
        (losses.HalfSquaredError(), number),
        (losses.AbsoluteError(), number),
        (losses.PinballLoss(quantile=0.8), number),
        (losses.HuberLoss(delta=0.7), number),
        (losses.HalfPoissonLoss(), positive),
        (losses.HalfGammaLoss(), positive),
        (losses.HalfTweedieLoss(power=1.3), positive),
        (losses.HalfTweedieLoss(power=0.0), positive),
        (losses.HalfTweedieLossIdentity(power=1.7), positive),
        (losses.HalfBinomialLoss(), binary),
        (losses.ExponentialLoss(), binary),
    ):
        power = getattr(getattr(loss, "closs", None), "power", None)
        name = type(loss).__name__ + (f" {power}" if power is not None else "")
        mean = name.startswith("HalfTweedieLossIdentity")  # whose raw prediction is the mean

        def total(raw: Any, loss: Any = loss, y: Any = y) -> tuple[Any, Any]:
            value, gradient = loss.loss_gradient(y_true=y, raw_prediction=_as_many(raw, y))
            return value.sum(), gradient

        pair = elementwise(
            lambda raw, loss=loss, y=y: loss.loss(y, _as_many(raw, y)),
            lambda raw, loss=loss, y=y: loss.gradient(y, _as_many(raw, y)),
        )
        ordinary = np.exp(raw) if mean else raw
        edge = np.array([0.2, 25.0, *y[2:]]) if mean else np.array([0.0, 18.0, -18.0, *y[3:]])
        yield Case(PACKAGE, f"_loss.{name}.loss_gradient", ValueAndGrad(total), (ordinary,), "sum")
        yield Case(PACKAGE, f"_loss.{name}.gradient", pair, (ordinary,), "ordinary")
        yield Case(PACKAGE, f"_loss.{name}.gradient", pair, (edge,), "edge raw = y, ±18")
        curved = elementwise(
            lambda raw, loss=loss, y=y: loss.gradient(y, _as_many(raw, y)),
            lambda raw, loss=loss, y=y: loss.gradient_hessian(y, _as_many(raw, y))[1],
        )
        if name not in ("AbsoluteError", "PinballLoss", "HuberLoss"):  # those are approximations
            yield Case(PACKAGE, f"_loss.{name}.gradient_hessian", curved, (ordinary,), "ordinary")
    many = losses.HalfMultinomialLoss(n_classes=3)

    def several(raw: Any) -> tuple[Any, Any]:
        y = LABELS[:4].astype(float)
        value, gradient = many.loss_gradient(y_true=y, raw_prediction=_as_many(raw, y))
        return value.sum(), gradient

    name, edge = "_loss.HalfMultinomialLoss.loss_gradient", np.zeros((4, 3))
    yield Case(PACKAGE, name, ValueAndGrad(several), (rng.normal(size=(4, 3)),), "ordinary")
    edge[0] = 40, 0, -40
    yield Case(PACKAGE, name, ValueAndGrad(several), (edge,), "edge ties, ±40")


def _as_many(raw: Any, y: Any) -> Any:
    """A copy; the package reads beyond the end of what is shorter."""
    if len(raw) != len(y):
        raise ValueError("one prediction for each target")
    return np.ascontiguousarray(raw, np.float64).copy()


def _linear_models(rng: np.random.Generator) -> Iterator[Case]:
    from scipy.sparse import csr_array
    from sklearn._loss import loss as losses
    from sklearn.linear_model._huber import _huber_loss_and_gradient
    from sklearn.linear_model._linear_loss import LinearModelLoss

    binary, classes = (LABELS > 0).astype(float), LABELS.astype(float)
    for name, base, y, count in (
        ("binomial", losses.HalfBinomialLoss(), binary, 4),
        ("Poisson", losses.HalfPoissonLoss(), classes, 4),
        ("gamma", losses.HalfGammaLoss(), classes + 0.5, 4),
        ("multinomial", losses.HalfMultinomialLoss(n_classes=3), classes, 12),
    ):
        model = LinearModelLoss(base_loss=base, fit_intercept=True)
        for kind, x in {"dense": X, "sparse": csr_array(X)}.items():

            def both(w: Any, model: Any = model, x: Any = x, y: Any = y) -> Any:
                return model.loss_gradient(w, x, y, l2_reg_strength=0.4)

            words = f"LinearModelLoss.loss_gradient {name}"
            w = rng.normal(size=count) / 2
            yield Case(PACKAGE, words, ValueAndGrad(both), (w,), kind)
        if count == 4:

            def slope(w: Any, model: Any = model, y: Any = y) -> Any:
                return model.gradient(w, X, y, l2_reg_strength=0.4), w

            def product(dout: Any, w: Any, model: Any = model, y: Any = y) -> Any:
                times = model.gradient_hessian_product(w, X, y, l2_reg_strength=0.4)[1]
                return times(dout)

            words = f"LinearModelLoss.gradient_hessian_product {name}"
            yield Case(PACKAGE, words, Pair(slope, product), (w,), "ordinary")
    y = X @ np.array([1.0, -2.0, 0.5]) + 3 * rng.normal(size=9)

    def huber(w: Any) -> Any:
        return _huber_loss_and_gradient(w, X, y, 1.35, 0.2, np.ones(9))

    name = "linear_model._huber_loss_and_gradient"
    yield Case(PACKAGE, name, ValueAndGrad(huber), (np.r_[rng.normal(size=4), 0.8],), "intercept")
    yield Case(PACKAGE, name, ValueAndGrad(huber), (np.r_[rng.normal(size=3), 1.5],), "without")


def _neighbours(rng: np.random.Generator) -> Iterator[Case]:
    from sklearn.manifold import _t_sne
    from sklearn.neighbors import NeighborhoodComponentsAnalysis

    model = NeighborhoodComponentsAnalysis(n_components=2)
    model.n_iter_, model.verbose = 1, 0
    same = LABELS[:, None] == LABELS[None, :]

    def components(w: Any) -> Any:
        return model._loss_grad_lbfgs(w, X, same, -1.0)

    name = "NeighborhoodComponentsAnalysis._loss_grad_lbfgs"
    yield Case(PACKAGE, name, ValueAndGrad(components), (rng.normal(size=6) / 2,), "ordinary")
    near = rng.uniform(0.2, 1, 10)
    near /= 2 * near.sum()  # each pair counts twice
    for freedom in (1, 2, 4):

        def divergence(y: Any, freedom: int = freedom) -> Any:
            return _t_sne._kl_divergence(y, near.copy(), freedom, 5, 2)

        label = f"{freedom} degrees of freedom"
        given = (rng.normal(size=10),)
        yield Case(PACKAGE, "t_sne._kl_divergence", ValueAndGrad(divergence), given, label)
