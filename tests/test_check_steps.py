"""One operation differentiated wrongly, within a longer function: it is named, and its line.

Wrong gradients come from autodiff of another function, whose derivative is the mistake.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.check import Pair, explain
from fnet.check.mistakes.formulas import FORMULAS
from fnet.core import loss

RNG = np.random.default_rng(0)
X, SQUARE, W = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4))


def as_if(value, instead):
    """This value, differentiated as if it were that."""
    return jax.lax.stop_gradient(value - instead) + instead


def wrong_pair(right, wrong):
    """The pair of a function, and of the gradients of another."""

    @functools.wraps(right)
    def forward(*arguments):
        return right(*arguments), arguments

    return Pair(forward, lambda dout, arguments: jax.vjp(wrong, *arguments)[1](dout))


def around(step, *more):
    """The step between two others, so that what is wrong is wrong in the middle."""
    return lambda x: jnp.sin(3 * step(x @ W, *more) + 1) ** 2


def turned(a):
    return a.swapaxes(-1, -2)


MIDDLE = {
    "tanh, derivative missing": (
        lambda x: jnp.tanh(x),
        lambda x: x,
        "derivative missing",
        "tanh(x)",
    ),
    "tanh, at the output": (
        lambda x: jnp.tanh(x),
        lambda x: jnp.tanh(x + jax.lax.stop_gradient(jnp.tanh(x) - x)),
        "evaluated at the output",
        "tanh(x)",
    ),
    "relu, mask inverted": (
        lambda x: jnp.maximum(x, 0),
        lambda x: jnp.minimum(x, 0),
        "mask inverted",
        "",
    ),
    "relu, mask missing": (lambda x: jnp.maximum(x, 0), lambda x: x, "derivative missing", ""),
    "where, mask inverted": (
        lambda x: jnp.where(x > 0, 3 * x, x**3),
        lambda x: jnp.where(x > 0, x**3, 3 * x),
        "mask inverted",
        "where(",
    ),
    "largest, to all": (
        lambda x: x.max(1, keepdims=True),
        lambda x: x.sum(1, keepdims=True),
        "derivative missing",
        "x.max(1",
    ),
    "largest, to the others": (
        lambda x: x.max(1, keepdims=True),
        lambda x: x.sum(1, keepdims=True) - x.max(1, keepdims=True),
        "mask inverted",
        "x.max(1",
    ),
    "square, exponent": (lambda x: x**3, lambda x: 0.75 * x**4, "derivative", "x**3"),
    "divided, square missing": (
        lambda x: 2 / (x + 9),
        lambda x: -2 * jnp.log(x + 9),
        "derivative",
        "2 / (x + 9)",
    ),
    "product, transposed": (
        lambda x: x @ SQUARE,
        lambda x: x @ SQUARE.T,
        "transposed",
        "x @ SQUARE",
    ),
    "looked up, set for add": (
        lambda x: x[np.array([0, 1, 1, 3])],
        lambda x: x[np.array([0, 1, 1, 3])] * np.array([1.0, 0, 1, 1])[:, None],
        "not summed",
        "x[np.array",
    ),
}


@pytest.mark.parametrize("name", MIDDLE)
def test_a_step_that_is_wrong_is_named(name):
    right, instead, kind, source = MIDDLE[name]

    def wrong(x):
        return as_if(right(x), instead(x))

    finding = explain(wrong_pair(around(right), around(wrong)), X).findings[0]
    assert finding.kind == kind, finding.why
    assert source in finding.why
    assert "test_check_steps.py" in finding.why


@pytest.mark.parametrize("name", [name for name in FORMULAS if name not in ("exp", "log", "cos")])
def test_formulas_of_another_function_are_named(name):
    """Every formula of the table, in the middle of a function of numbers above 0."""
    function = getattr(jax.lax, name)
    for kind, words, formula in FORMULAS[name]:

        def wrong(x, formula=formula):
            y = function(x)
            return as_if(y, jax.lax.stop_gradient(formula(x, y)) * x)

        def of(step):
            return lambda x: jnp.sin(step(0.2 + x**2) + x)

        finding = explain(wrong_pair(of(function), of(wrong)), X).findings[0]
        assert (finding.kind, words in finding.why) == (kind, True), finding.why


def test_an_axis_of_the_same_size_is_told_from_the_other():
    def of(middle):
        return lambda x: jnp.sin(middle(jnp.exp(x)) + jnp.arange(4.0)) ** 2

    pair = wrong_pair(of(lambda x: x.sum(1)), of(lambda x: as_if(x.sum(1), x.sum(0))))
    assert "a sum is over the wrong axis" in explain(pair, SQUARE).findings[0].why


def test_a_product_with_another_value_is_named():
    def right(x, w):
        return jnp.tanh(x @ w) @ w

    def wrong(x, w):
        hidden = x @ w
        instead = jax.lax.stop_gradient(hidden) @ w + (jnp.tanh(hidden) @ jax.lax.stop_gradient(w))
        return as_if(right(x, w), instead)

    findings = explain(wrong_pair(right, wrong), X, SQUARE).findings
    assert [finding.leaf for finding in findings] == ["dw"]
    assert findings[0].kind == "another value"
    assert "`x @ w` in test_check_steps.py" in findings[0].why
    assert "is used instead of operand 1 of `jnp.tanh(x @ w) @ w`" in findings[0].why


def test_a_carry_that_is_forgotten_is_named_in_a_scan_and_in_a_loop():
    def step(h, x, w):
        return jnp.tanh(x + h @ w)

    def scanned(xs, w, carried=lambda h: h):
        return jax.lax.scan(lambda h, x: (step(carried(h), x, w),) * 2, jnp.zeros(4), xs)[1]

    def looped(xs, w, carried=lambda h: h):
        h, out = jnp.zeros(4), []
        for x in xs:
            h = step(carried(h), x, w)
            out.append(h)
        return jnp.stack(out)

    for function in (scanned, looped):
        wrong = wrong_pair(function, lambda xs, w, f=function: f(xs, w, jax.lax.stop_gradient))
        finding = explain(wrong, X, SQUARE).findings[0]
        assert finding.kind == "term missing"
        assert "`h @ w` in test_check_steps.py" in finding.why


def test_labels_and_masks_that_are_others_are_named():
    labels, mask = np.array([0, 2, 1, 1, 3]), RNG.uniform(size=X.shape) < 0.5

    def loss(x, labels, mask):
        kept = jnp.where(mask, x, 0.0)
        return -jnp.take_along_axis(jax.nn.log_softmax(kept), labels[:, None], 1)

    for change, kind, words in (
        (
            lambda labels, mask: (labels - 1, mask),
            "shifted",
            "labels − 1 is used instead of labels",
        ),
        (lambda labels, mask: (labels, ~mask), "mask inverted", "the mask mask is inverted"),
        (lambda labels, mask: (labels, mask | True), "derivative missing", "mask is not used"),
    ):

        def backward(dout, cache, change=change):
            x, *others = cache
            return jax.vjp(lambda x: loss(x, *change(*others)), x)[1](dout)[0], None, None

        def forward(x, labels, mask):
            return loss(x, labels, mask), (x, labels, mask)

        finding = explain(Pair(forward, backward), X, labels + 1 - (labels == 3), mask).findings[0]
        assert (finding.kind, words in finding.why) == (kind, True), finding.why


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (lambda y: jax.nn.sigmoid(y) * jax.nn.sigmoid(-y), "sigmoid"),
        (lambda y: 1 - jnp.tanh(y) ** 2, "tanh"),
    ],
)
def test_the_slope_of_an_activation_once_too_often_is_named(slope, words):
    def of_probabilities(y, target, where=None):  # and y are logits
        return ((y - target) ** 2).sum(), 2 * (y - target) * slope(y)

    finding = explain(loss(of_probabilities), X, X[::-1] + 1).findings[0]
    assert finding.kind == "factor extra"
    what = f"dy is multiplied by the derivative of a {words} at y once too often"
    assert finding.why.startswith(what), finding.why


def test_a_sum_over_another_axis_is_told_by_what_it_reaches():
    def norm(x):
        centred = x - x.mean(1, keepdims=True)
        deviation = jnp.sqrt((centred**2).mean(1, keepdims=True) + 0.1)
        return centred / deviation, (centred / deviation, deviation)

    def backward(dout, cache):
        y, deviation = cache
        return (dout - dout.mean(0) - y * (dout * y).mean(0)) / deviation

    finding = explain(Pair(norm, backward), X).findings[0]
    assert finding.kind == "wrong axis"
    assert "all along axis 0, and must change it all along axis 1" in finding.why
