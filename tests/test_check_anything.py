"""`explain` on functions of anybody's: what it takes, says, and does not fall for."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.check import Pair, ValueAndGrad, check_gradients, explain
from fnet.errors import ConfigurationError, GradientMismatch
from fnet.layers import relu
from fnet.losses import mse
from fnet.plots import gradient_errors

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3)


def forward(x, w, b):
    return x @ w + b, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def numpy_forward(x, w, b):
    x, w, b = map(np.asarray, (x, w, b))  # refuses JAX's tracers, as NumPy code does
    return x @ w + b, (x, w)


def kind(subject, *arguments, **options):
    """The kind of the first mistake that is found."""
    report = explain(subject, *arguments, **options)
    assert not report.right
    return report.findings[0].kind


def test_a_pair_of_jax_or_numpy_with_or_without_a_reference():
    def plain(x, w, b):
        return x @ w + b

    def unlike_jax(x, w, b):
        return np.array([[float(value) for value in row] for row in x @ w + b]), (x, w)

    alone = "compared with differences alone: it is not a JAX function"
    for pair, notes in (
        (Pair(forward, backward), ()),
        (Pair(numpy_forward, backward), ()),
        (Pair(unlike_jax, backward), (alone,)),
        (Pair(unlike_jax, backward, plain), ()),
    ):
        report = check_gradients(pair, X, W, B)
        assert report.entries >= X.size + W.size + B.size
        assert report.error < 1e-12
        assert report.notes == notes, pair


@pytest.mark.parametrize("forward", [forward, numpy_forward], ids=["jax", "numpy"])
@pytest.mark.parametrize(
    ("wrong", "expected", "words"),
    [
        (lambda d, c: (d @ c[1].T, c[0].T @ d / len(d), d.sum(0)), "mean or sum", "6 × too small"),
        (lambda d, c: (d @ c[1].T, c[0].T @ d, d), "not summed", "sum over axis 0"),
        (lambda d, c: (d @ c[1].T, (c[0].T @ d).T, d.sum(0)), "transposed", r"\(3, 4\)"),
        (lambda d, c: (d @ c[1].T, -c[0].T @ d, d.sum(0)), "sign", "minus"),
        (lambda d, c: (d @ c[1].T, c[0].T @ (d * 0 + 1), d.sum(0)), "upstream ignored", "dout = 1"),
        (lambda d, c: (d @ c[1].T, (c[0] * 0 + 1).T @ d, d.sum(0)), "factor missing", "x"),
    ],
)
def test_the_classic_mistakes_of_an_affine_layer(forward, wrong, expected, words):
    with pytest.raises(GradientMismatch, match=words) as caught:
        check_gradients(Pair(forward, wrong), X, W, B)
    assert caught.value.kind == expected
    assert caught.value.report.findings[0].leaf in ("dw", "db")


def test_gradients_may_be_named_or_left_out():
    def named(dout, cache):
        dx, dw, db = backward(dout, cache)
        return {"db": db, "dx": dx, "w": dw}

    assert check_gradients(Pair(forward, named), X, W, B).right
    with pytest.raises(ConfigurationError, match="dz"):
        explain(Pair(forward, lambda dout, cache: {"dz": dout}), X, W, B)
    with pytest.raises(ConfigurationError, match="2 gradients for 3"):
        explain(Pair(forward, lambda dout, cache: backward(dout, cache)[:2]), X, W, B)
    unclaimed = Pair(forward, lambda dout, cache: (*backward(dout, cache)[:2], None))
    report = check_gradients(unclaimed, X, W, B)
    assert any("no gradient is returned for b" in note for note in report.notes)


def test_integers_booleans_keys_and_numbers_are_not_differentiated():
    def take(table, ids, mask, key, scale):
        noise = jax.random.normal(key, table.shape[1:], table.dtype)
        rows = table[ids] * noise * scale
        return jnp.where(mask[:, None], rows, 0), (table, ids, mask, noise, scale)

    def back(dout, cache):
        table, ids, mask, noise, scale = cache
        rows = jnp.where(mask[:, None], dout, 0) * noise * scale
        return jnp.zeros_like(table).at[ids].add(rows), None, None, None, None

    arguments = X, np.array([1, 1, 5]), np.array([True, True, False]), jax.random.key(0), 0.5
    assert check_gradients(Pair(take, back), *arguments).right

    def last_only(dout, cache):
        table, ids, mask, noise, scale = cache
        rows = jnp.where(mask[:, None], dout, 0) * noise * scale
        return jnp.zeros_like(table).at[ids].set(rows), None, None, None, None

    assert not explain(Pair(take, last_only), *arguments).right


def test_indices_of_numpy_that_were_used_in_32_bits_before():
    """JAX mixes up the two types of an index that is NumPy's: int64 is int32 outside of x64."""
    ids = np.array([1, 5, 1, 2])

    def forward(table, ids):
        return table[ids], (jnp.zeros_like(table), ids)

    pair = Pair(forward, lambda dout, cache: (cache[0].at[cache[1]].add(dout), None))
    with jax.enable_x64(False):
        for look in (lambda table: table[ids], jax.jit(lambda table: table[ids])):
            look(jnp.ones((7, 3)))
    assert explain(pair, RNG.normal(size=(7, 3)), ids).right


def test_nested_arguments_are_named_by_their_path():
    def of_tree(params, x):
        return x @ params["dense"]["w"] * params["scale"], (params, x)

    def back(dout, cache):
        params, x = cache
        w = params["dense"]["w"]
        dw, dscale = params["scale"] * x.T @ dout, (x @ w * dout).sum()
        return {"dense": {"w": 2 * dw}, "scale": dscale}, params["scale"] * dout @ w.T

    params = {"dense": {"w": W}, "scale": np.array(3.0)}
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(Pair(of_tree, back), params, X)
    assert caught.value.leaf == "dparams['dense']['w']"
    assert caught.value.report.findings[0].kind == "factor"


def test_a_value_with_its_gradient():
    def cubes(w):
        return jnp.sum(w**3), 3 * w**2

    assert check_gradients(ValueAndGrad(cubes), X).right
    assert check_gradients(ValueAndGrad(jax.value_and_grad(lambda w: jnp.sum(w**4))), X).right
    assert kind(ValueAndGrad(lambda w: (jnp.sum(w**3), 3 * w)), X) == "factor missing"
    with pytest.raises(ConfigurationError, match="value, gradients"):
        explain(ValueAndGrad(lambda w: w.sum()), X)


def rule(function, forward, backward):
    """A jax.custom_vjp of these."""
    wired = jax.custom_vjp(function)
    wired.defvjp(forward, backward)
    return wired


def test_a_custom_vjp():
    assert check_gradients(
        rule(jnp.sin, lambda x: (jnp.sin(x), x), lambda x, d: (d * jnp.cos(x),)), X
    ).right
    wrong = rule(jnp.sin, lambda x: (jnp.sin(x), x), lambda x, d: (d * jnp.sin(x),))
    assert kind(wrong, X) == "derivative"
    of_shape = rule(lambda x: x.sum(), lambda x: (x.sum(), x), lambda x, d: (d,))
    assert kind(of_shape, X) == "shape"
    another = rule(jnp.sin, lambda x: (jnp.sin(x) + 1, x), lambda x, d: (d * jnp.cos(x),))
    assert kind(another, X) == "another value"


def test_rules_inside_do_not_answer_for_themselves():
    """Autodiff is asked about the function without its rules, however deep they are."""
    wrong = rule(jnp.sin, lambda x: (jnp.sin(x), x), lambda x, d: (2 * d * jnp.cos(x),))
    outer = jax.jit(lambda x: jax.jit(wrong)(x) ** 2)
    assert kind(outer, X) == "factor"


def test_a_forward_pass_that_fools_autodiff():
    def hiding(x):
        return x * jax.lax.stop_gradient(x), x

    assert kind(Pair(hiding, lambda dout, x: dout * x), X) == "hidden from autodiff"


def test_a_rule_better_than_autodiff_is_right():
    def log1pexp(x):
        return jnp.where(x > 30, x, jnp.log1p(jnp.exp(jnp.minimum(x, 30))))

    def norm(x):
        return jnp.sqrt(jnp.sum(x * x))

    def back(kept, dout):
        x, size = kept
        return (jnp.where(size > 0, dout * x / jnp.where(size > 0, size, 1), 0),)

    stable = rule(log1pexp, lambda x: (log1pexp(x), x), lambda x, d: (d * jax.nn.sigmoid(x),))
    assert explain(stable, X).right
    safe = rule(norm, lambda x: (norm(x), (x, norm(x))), back)
    assert explain(safe, X).right  # autodiff is NaN at 0


def test_either_side_of_a_kink_is_a_convention_and_no_other_number_is():
    def relu_with(slope):
        def back(dout, x):
            return dout * jnp.where(x > 0, 1.0, jnp.where(x < 0, 0.0, slope))

        return Pair(lambda x: (jnp.maximum(x, 0), x), back)

    for slope in (0.0, 0.3, 1.0):
        report = explain(relu_with(slope), X)
        assert report.right
        assert any("kink" in note for note in report.notes)
    assert explain(relu_with(0.5), X).notes == ()  # autodiff's own
    report = explain(relu_with(1.5), X)
    assert not report.right
    assert "zero x" in report.findings[0].where


def layer_norm(x):
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = jnp.sqrt((centred**2).mean(axis=1, keepdims=True))
    return centred / deviation, (centred / deviation, deviation)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((1, 1), None),
        ((0, 1), "term missing"),
        ((1, 0), "term missing"),
        ((0, 0), "term missing"),
        ((-1, 1), "sign of a term"),
        ((1, 4), "factor of a term"),
    ],
)
def test_which_term_is_wrong(factors, expected):
    def back(dout, cache):
        y, deviation = cache
        mean, along = dout.mean(1, keepdims=True), (dout * y).mean(1, keepdims=True)
        return (dout - factors[0] * mean - factors[1] * y * along) / deviation

    report = explain(Pair(layer_norm, back), X)
    if expected is None:
        assert report.right
    else:
        assert report.findings[0].kind == expected
        step = "x.mean(axis=1, keepdims=True)" if factors[0] != 1 else "centred**2"
        assert f"through `{step}` in test_check_anything.py" in report.findings[0].why


def test_state_between_calls_and_writing_where_one_must_not():
    kept = []

    def keeps(x):
        kept[:] = [np.array(x)]
        return kept[0] ** 2, None

    assert kind(Pair(keeps, lambda dout, _: 2 * dout * kept[0]), X) == "stale"

    def square(x):
        return np.asarray(x) ** 2, np.array(x)

    def into_dout(dout, x):
        dout *= 2 * x
        return dout

    def into_cache(dout, x):
        x *= 2 * dout
        return x

    assert kind(Pair(square, into_dout), X) == "mutated"
    assert kind(Pair(square, into_cache), X) == "mutated"
    calls = iter(range(10**6))
    assert kind(Pair(square, lambda d, x: 2 * d * x + next(calls)), X) == "not deterministic"


def test_laws_that_one_call_does_not_show():
    def sine(x):
        return jnp.sin(x), x

    def by_batch(dout, x):
        right = dout * jnp.cos(x)
        return right if isinstance(x, jax.core.Tracer) else right * (1 + 1e-5)

    assert kind(Pair(sine, by_batch), X) == "jit"

    def rough(dout, x):
        right = jnp.cos(x)
        return dout * (
            right if x.dtype == jnp.float64 else right.astype(jnp.float8_e4m3fn).astype(x.dtype)
        )

    assert kind(Pair(sine, rough), X) == "precision"

    def wide(dout, x):
        return (dout * jnp.cos(x)).astype(jnp.float64 if x.dtype == jnp.float64 else jnp.float32)

    assert kind(Pair(sine, wide), X) == "dtype"


def test_what_cannot_be_checked_is_told():
    for subject, arguments, words in (
        (3, (X,), "Layer"),
        (relu, ((3, 5),), r"relu\(\), not relu"),
        (relu(), (3, 5), "shape of one example"),
        (mse(), (X,), "predictions, targets"),
        (jnp.sin, (), "no argument is a floating-point array"),
        (jnp.sin, (1.0,), r"np.array\(2.0\)"),
        (jnp.sin, (X + 1j,), "complex"),
        (Pair(jnp.sin, jnp.cos), (X,), r"\(out, cache\)"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            explain(subject, *arguments)
    with pytest.raises(ZeroDivisionError):  # what the function itself says is not hidden
        explain(Pair(lambda x: 1 / 0, lambda d, c: d), X)


def softmax(x):
    y = jnp.exp(x - x.max(1, keepdims=True))
    y = y / y.sum(1, keepdims=True)
    return y, y


def logsumexp(x):
    largest = x.max(1)
    return largest + jnp.log(jnp.exp(x - largest[:, None]).sum(1)), x


@pytest.mark.parametrize(
    ("forward", "wrong", "expected", "words"),
    [
        (softmax, lambda dout, y: dout * y * (1 - y), "term missing", "its own output alone"),
        (softmax, lambda dout, y: y, "upstream ignored", "dout is not multiplied in"),
        (softmax, lambda dout, y: y * (dout - (y * dout).sum(0)), "wrong axis", "over the wrong"),
        (
            logsumexp,
            lambda dout, x: dout[:, None] * jax.nn.softmax(x, 0),
            "wrong axis",
            "over the wrong",
        ),
        (lambda x: (x**3, x), lambda dout, x: x, "upstream ignored", "dout is not multiplied in"),
    ],
)
def test_mistakes_of_functions_of_a_row_are_named_in_a_batch_too(forward, wrong, expected, words):
    finding = explain(Pair(forward, wrong), RNG.normal(size=(32, 5))).findings[0]
    assert finding.kind == expected
    assert words in finding.why


def test_the_words_and_the_picture_of_an_unexplained_pattern():
    noise = np.where(RNG.uniform(size=X.shape) < 0.5, 0.1 * RNG.normal(size=X.shape), 0)

    def back(dout, x):
        return dout * jnp.cos(x) + noise * dout[::-1, ::-1]

    report = explain(Pair(lambda x: (jnp.sin(x), x), back), X)
    assert report.findings[0].kind == "unknown"
    drawn = [line.strip() for line in report.findings[0].why.splitlines()[1:]]
    assert drawn == ["".join("x" if entry else "·" for entry in row) for row in noise]
    image = gradient_errors(report).axes[0].get_images()[0].get_array()
    np.testing.assert_array_equal(image != 0, noise != 0)


def test_x64_is_left_as_it_was_and_arguments_too():
    before = X.copy()
    with jax.enable_x64(False):
        explain(Pair(forward, backward), X, W, B)
        assert jnp.zeros(2).dtype == jnp.float32
    np.testing.assert_array_equal(X, before)


def test_a_function_of_float32_alone_is_examined_in_float32():
    def blurred(image):
        return jax.lax.conv(image, jnp.ones((1, 1, 2, 2), jnp.float32), (1, 1), "SAME")

    @jax.custom_vjp
    def scaled(image):
        return blurred(image)

    scaled.defvjp(lambda x: (blurred(x), x), lambda x, d: (1.5 * jax.vjp(blurred, x)[1](d)[0],))
    for image in (RNG.normal(size=(1, 1, 3, 3)).astype(np.float32), jnp.ones((1, 1, 3, 3))):
        report = explain(blurred, image.astype(np.float32))
        assert report.right
        assert "it takes no float64: its values are in float32" in report.notes[0]
        assert not explain(scaled, image.astype(np.float32)).right


def test_code_of_float32_alone_is_examined_in_float32():
    def cube(x):
        if x.dtype != np.float32:
            raise TypeError("give float32")
        return x**3

    x = np.linspace(0.2, 1.5, 6, dtype=np.float32)
    for times in (3, 2):
        pair = Pair(lambda x: (cube(x), x), lambda dout, x, k=times: k * dout * x**2)
        both = ValueAndGrad(lambda x, k=times: (cube(x).sum(), k * x**2))
        with jax.numpy_dtype_promotion("standard"):  # which the product by hand needs
            reports = explain(pair, x), explain(both, x)
        for report in reports:
            assert report.right == (times == 3)
            assert "it takes no float64: its values are in float32" in report.notes[0]


def test_a_gradient_that_is_always_in_float32_is_right():
    x = np.linspace(0.3, 1.7, 6)
    both = ValueAndGrad(lambda x: (np.sum(x**3), (3 * x**2).astype(np.float32)))
    with jax.numpy_dtype_promotion("standard"):
        assert explain(both, x).right
    unseen = ValueAndGrad(lambda x: (sum(float(v) ** 3 for v in x), both.function(x)[1]))
    report = explain(unseen, x)
    assert report.right
    assert any("has few digits, and is right to these" in note for note in report.notes)


def test_a_rule_may_make_arrays_of_the_default_dtype():
    @jax.custom_vjp
    def double(x):
        return 2 * x

    double.defvjp(lambda x: (2 * x, len(x)), lambda size, dout: (2 * jnp.eye(size) @ dout,))
    with jax.numpy_dtype_promotion("standard"):
        assert explain(double, RNG.normal(size=(3, 2))).right


def test_values_that_are_rounded_to_float32_have_few_digits():
    def value(x):
        return np.float64(np.float32(300 + sum(np.sin(5 * float(v)) for v in x)))

    x = np.random.default_rng(2).normal(size=4)
    for times, right in ((5, True), (-5, False)):
        report = explain(ValueAndGrad(lambda x, k=times: (value(x), k * np.cos(5 * x))), x)
        assert report.right == right
        assert report.notes[0].startswith("its values are rounded to float32")
    whole = ValueAndGrad(lambda x: (float(round(sum(map(float, x)))), np.zeros_like(x)))
    assert not any("float32" in note for note in explain(whole, x).notes)


def test_a_complex_gradient_is_right_if_it_is_real():
    response = np.fft.rfft([0.2, 1.0, -0.4, 0.0])

    def forward(x):
        return np.fft.irfft(response * np.fft.rfft(np.asarray(x)), 4), None

    def backward(dout, _):
        return np.fft.ifft(np.conj(np.fft.fft([0.2, 1.0, -0.4, 0.0])) * np.fft.fft(dout))

    x = np.array([1.0, -2.0, 0.5, 3.0])
    assert (
        "dx: complex128 without imaginary part: cast it"
        in explain(Pair(forward, backward), x).notes
    )
    assert kind(Pair(forward, lambda d, c: backward(d, c) * (1 + 1e-3j)), x) == "dtype"


def test_a_branch_that_autodiff_takes_at_the_given_point_alone_is_found_there():
    def between(position):
        low, high = jnp.floor(position), jnp.ceil(position)  # the same for whole numbers
        return jnp.sin(low) + (position - low) * (jnp.sin(high) - jnp.sin(low))

    def line(position):
        low, high = jnp.floor(position), jnp.ceil(position)
        return 2 * low + (position - low) * (2 * high - 2 * low)

    (finding,) = explain(line, np.array([1.0, 2.5, 3.0])).findings
    assert (finding.kind, finding.wrong) == ("hidden from autodiff", 2)
    assert "a branch at this very point" in finding.why
    assert explain(line, np.array([1.2, 2.5, 3.7])).right
    assert explain(between, np.array([1.0, 2.5, 3.0])).right  # a kink: autodiff may choose


def test_equal_calls_may_differ_in_rounding_and_in_nothing_else():
    def made(slip):
        calls = []

        def backward(dout, x):
            calls.append(0)
            return np.asarray(dout) * 2 * np.asarray(x) * (1 + slip * (len(calls) % 2))

        return Pair(lambda x: (np.asarray(x) ** 2, x), backward)

    assert explain(made(2.0**-52), X).right
    assert kind(made(1e-6), X) == "not deterministic"


def test_an_approximation_in_pieces_is_not_wrong_where_two_pieces_meet():
    def forward(x):  # as far from the sine as rational approximations are
        values = [math.sin(v) + 1e-6 * (math.sin(9 * v) if v < 0.7 else 3.0) for v in x]
        return np.array(values), x

    pair = Pair(forward, lambda dout, x: np.asarray(dout) * np.cos(np.asarray(x, float)))
    report = explain(pair, np.array([0.7, 0.9, 1.3]))
    assert report.right
    assert any("differences cannot decide" in note for note in report.notes)
    wrong = explain(Pair(forward, lambda dout, x: 1.1 * pair.backward(dout, x)), np.array([0.7]))
    assert not wrong.right


def test_two_values_of_what_is_rounding_alone_are_not_called_different():
    def by_qr(a):  # of a singular matrix, -inf or the logarithm of a rounding error
        return jnp.linalg.slogdet(a, method="qr")[1]

    rows = [0.64, 0.64, -0.06, 0.01], [1.2, -1.6, -0.03, 1.8], [-0.6, -0.07, -0.1, 1], [-2, 0, 1, 1]
    for a in (np.array(rows), RNG.normal(size=(4, 4)), RNG.normal(size=(5, 5))):
        assert explain(by_qr, a).right
