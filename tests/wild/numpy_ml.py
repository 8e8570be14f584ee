"""numpy-ml: activations and their derivatives, layers that keep what they saw, losses."""

import collections
import collections.abc
import copy
import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "numpy-ml"
FAR = np.array([[0.0, 0.5, -0.5, 2.5, -2.5], [1.0, -1.0, 35.0, -35.0, 1e-9]])


def cases() -> Iterator[Case]:
    """Every derivative that the package has, as an object with `forward` and `backward` has it."""
    rng = np.random.default_rng(404)
    layers, activations = of_package("layers"), of_package("activations")
    yield from _activations(activations, rng)
    yield from _losses(of_package("losses"), activations, rng)
    yield from _layers(layers, rng)
    yield from _sequences(layers, rng)
    yield from _modules(of_package("modules"), rng)


def of_package(name: str) -> Any:
    """A module of numpy_ml.neural_nets, which still writes names that Python and NumPy dropped."""
    for old in ("Hashable", "Mapping"):
        setattr(collections, old, getattr(collections.abc, old))
    for old, now in {"float": float, "int": int, "bool": bool, "object": object}.items():
        if old not in np.__dict__:
            setattr(np, old, now)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"numpy_ml.neural_nets.{name}")


def _activations(module: Any, rng: np.random.Generator) -> Iterator[Case]:
    x = rng.normal(size=(2, 6)) * 2
    for name, given in (
        *[(name, ()) for name in ("Sigmoid", "ReLU", "Tanh", "Identity", "Exponential", "SELU")],
        *[(name, ()) for name in ("HardSigmoid", "SoftPlus", "ELU")],
        ("ELU", (0.4,)),
        ("LeakyReLU", (0.2,)),
        ("Affine", (1.5, -0.5)),
    ):
        one = getattr(module, name)(*given)
        words = f"activations.{name}{given or ''}"
        yield Case(PACKAGE, f"{words}.grad", elementwise(one.fn, one.grad), (x,), "ordinary")
        yield Case(PACKAGE, f"{words}.grad", elementwise(one.fn, one.grad), (FAR,), "edge 0, ±35")
        yield Case(
            PACKAGE,
            f"{words}.grad2",
            elementwise(lambda x, one=one: 1.0 * one.grad(x), one.grad2),
            (x,),
            "ordinary",
        )


def _losses(module: Any, activations: Any, rng: np.random.Generator) -> Iterator[Case]:
    z, target = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    for name in ("Identity", "Tanh"):
        act = getattr(activations, name)()

        def squared(z: Any, act: Any = act) -> Any:
            loss = module.SquaredError
            return loss.loss(target, act.fn(z)), loss.grad(target, act.fn(z), z, act)

        label = f"behind {name}"
        yield Case(PACKAGE, "losses.SquaredError", ValueAndGrad(squared), (z,), label)

    def entropy(z: Any) -> Any:
        e = np.exp(z - z.max(1, keepdims=True))
        p, labels = e / e.sum(1, keepdims=True), np.eye(3)[[0, 2, 1, 2]]
        return module.CrossEntropy.loss(labels, p), module.CrossEntropy.grad(labels, p)

    yield Case(PACKAGE, "losses.CrossEntropy", ValueAndGrad(entropy), (z,), "by the logits")
    seen = (rng.uniform(size=(4, 5)) > 0.4).astype(float)

    def variational(p: Any, mean: Any, logarithm: Any) -> Any:
        given = seen, p, mean, logarithm
        dp, dlogarithm, dmean = module.VAELoss.grad(*given)
        return module.VAELoss.loss(*given), (dp, dmean, dlogarithm)

    given = rng.uniform(0.1, 0.9, (4, 5)), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    yield Case(PACKAGE, "losses.VAELoss", ValueAndGrad(variational), given, "ordinary")
    critic = module.WGAN_GPLoss()

    def wasserstein(fake: Any, real: Any, slopes: Any) -> Any:
        return critic.loss(fake, "C", real, slopes), critic.grad(fake, "C", real, slopes)

    given = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(4, 3))
    yield Case(PACKAGE, "losses.WGAN_GPLoss", ValueAndGrad(wasserstein), given, "critic")

    def generator(fake: Any) -> Any:
        return critic.loss(fake, "G"), critic.grad(fake, "G")

    yield Case(PACKAGE, "losses.WGAN_GPLoss", ValueAndGrad(generator), given[:1], "generator")


def layer(make: Callable[[], Any], names: tuple[str, ...] = ()) -> Pair:
    """A layer as a function of its input and its parameters, made anew for each forward pass.

    Where there are parameters to set, a first pass draws others and is forgotten.
    """

    def forward(x: Any, *params: Any) -> tuple[Any, Any]:
        np.random.seed(0)  # the package draws from the global generator
        one = make()
        if names:
            one.forward(x.copy())
            one.flush_gradients()
            one.parameters.update(zip(names, params, strict=True))
        return one.forward(x.copy()), one

    def backward(dout: Any, one: Any) -> Any:
        one = copy.deepcopy(one)
        dx = one.backward(dout.copy())
        return (dx, *(one.gradients[name] for name in names)) if names else dx

    return Pair(forward, backward)


def _layers(m: Any, rng: np.random.Generator) -> Iterator[Case]:
    x, w, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(1, 2))
    for act in ("Sigmoid", "ReLU", "Tanh", None):
        full = layer(lambda act=act: m.FullyConnected(2, act), ("W", "b"))
        yield Case(PACKAGE, "layers.FullyConnected", full, (x, w, b), f"behind {act}")
    yield Case(PACKAGE, "layers.Softmax", layer(m.Softmax), (x,), "ordinary")
    yield Case(PACKAGE, "layers.Softmax", layer(m.Softmax), (np.zeros((2, 3)),), "edge ties")
    scale, shift = rng.uniform(0.5, 1.5, 3), rng.normal(size=3)
    named = ("scaler", "intercept")
    norm = layer(m.BatchNorm1D, named)
    yield Case(PACKAGE, "layers.BatchNorm1D", norm, (x, scale, shift), "ordinary")
    norm = layer(m.LayerNorm1D, named)
    yield Case(PACKAGE, "layers.LayerNorm1D", norm, (x, scale, shift), "ordinary")
    yield Case(PACKAGE, "layers.Flatten", layer(m.Flatten), (rng.normal(size=(2, 3, 2)),), "all")
    for name in ("Add", "Multiply"):

        def forward(x: Any, y: Any, name: str = name) -> Any:
            one = getattr(m, name)(act_fn="Sigmoid")
            return one.forward([x, y]), one

        merged = Pair(forward, lambda dout, one: copy.deepcopy(one).backward(dout))
        yield Case(PACKAGE, f"layers.{name}", merged, (x, x[::-1] + 1), "ordinary")
        zero = np.array([[0.0, 1.0]]), np.array([[2.0, 0.0]])
        yield Case(PACKAGE, f"layers.{name}", merged, zero, "edge 0")
    for pool in (None, "sum", "mean"):
        for label, ids in (("ordinary", [[3, 0], [1, 2]]), ("edge repeated ids", [[3, 3], [1, 3]])):
            yield _embedding(m, pool, np.array(ids), label, rng.normal(size=(4, 2)))
    yield from _attention(m, rng)


def _embedding(m: Any, pool: str | None, ids: Any, label: str, w: Any) -> Case:
    def forward(w: Any) -> tuple[Any, Any]:
        one = m.Embedding(2, vocab_size=4, pool=pool)
        one.parameters["W"] = w
        return one.forward(ids), one

    def backward(dout: Any, one: Any) -> Any:
        one = copy.deepcopy(one)
        one.backward(dout)
        return one.gradients["W"]

    return Case(PACKAGE, f"layers.Embedding pool={pool}", Pair(forward, backward), (w,), label)


def _attention(m: Any, rng: np.random.Generator) -> Iterator[Case]:
    def forward(q: Any, k: Any, v: Any) -> tuple[Any, Any]:
        one = m.DotProductAttention()
        return one.forward(q, k, v), one

    pair = Pair(forward, lambda dout, one: copy.deepcopy(one).backward(dout))
    q, k, v = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    yield Case(PACKAGE, "layers.DotProductAttention", pair, (q, k, v), "ordinary")
    batch = tuple(np.stack([each, each[::-1]]) for each in (q, k, v))
    yield Case(PACKAGE, "layers.DotProductAttention", pair, batch, "a batch")
    yield Case(PACKAGE, "layers.DotProductAttention", pair, (q, k[:3], v[:3]), "fewer keys")


def _sequences(m: Any, rng: np.random.Generator) -> Iterator[Case]:
    draw = lambda *shape: 0.7 * rng.normal(size=shape)  # noqa: E731
    x = draw(2, 3, 4)
    names = ("Wax", "Waa", "ba", "bx")
    given = x, draw(3, 2), draw(2, 2), draw(2, 1), draw(2, 1)
    yield Case(PACKAGE, "layers.RNNCell", _through_time(m.RNNCell, names), given, "four steps")
    names = tuple(f"{kind}{gate}" for kind in "Wb" for gate in "fuco")
    given = x, *(draw(5, 2) if name[0] == "W" else draw(1, 2) for name in names)
    yield Case(PACKAGE, "layers.LSTMCell", _through_time(m.LSTMCell, names), given, "four steps")


def _through_time(make: Any, names: tuple[str, ...]) -> Pair:
    def forward(x: Any, *params: Any) -> tuple[Any, Any]:
        cell = make(2)
        cell.n_in = x.shape[1]
        cell._init_params()
        cell.parameters.update(zip(names, params, strict=True))
        out = [cell.forward(x[:, :, step]) for step in range(x.shape[2])]
        return np.dstack([y[0] if isinstance(y, tuple) else y for y in out]), cell

    def backward(dout: Any, cell: Any) -> Any:
        cell = copy.deepcopy(cell)
        dx = [cell.backward(dout[:, :, step]) for step in reversed(range(dout.shape[2]))]
        return (np.dstack(dx[::-1]), *(cell.gradients[name] for name in names))

    return Pair(forward, backward)


def _modules(m: Any, rng: np.random.Generator) -> Iterator[Case]:
    x, image = rng.normal(size=(2, 3, 3)), rng.normal(size=(1, 3, 3, 2))
    for mode in ("concat", "sum", "average"):
        both = layer(lambda mode=mode: m.BidirectionalLSTM(2, merge_mode=mode))
        yield Case(PACKAGE, "modules.BidirectionalLSTM", both, (x,), mode)
    skip = layer(lambda: m.SkipConnectionIdentityModule(3, (3, 3), (3, 3)))
    yield Case(PACKAGE, "modules.SkipConnectionIdentityModule", skip, (image,), "ordinary")

    def forward(q: Any, k: Any, v: Any) -> tuple[Any, Any]:
        np.random.seed(0)
        one = m.MultiHeadedAttentionModule(n_heads=2)
        return one.forward(q, k, v), one

    heads = Pair(forward, lambda dout, one: copy.deepcopy(one).backward(dout))
    given = tuple(rng.normal(size=(3, 4)) for _ in range(3))
    yield Case(PACKAGE, "modules.MultiHeadedAttentionModule", heads, given, "two heads")
