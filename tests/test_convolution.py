"""Convolutions against lax.conv_general_dilated: values and gradients, over a table of shapes."""

import functools
import itertools
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnet.core import blocks, convolving, native, taps, winograd
from fnet.core.windows import lay, lay_transposed
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import Conv, conv, conv_transpose, depthwise_conv, separable_conv

SAMPLE = {False: 12, True: 2}  # rows of a run that is not long; True: those for `winograd`
CHUNK = 10  # rows that are compiled as one program
SMALL = 300  # bytes of a block, so that loops, bands and rests are run
FEW = 5  # entries of a window: of the table's few windows, some are below it

KEY = jax.random.key(0)


class Row(NamedTuple):
    """A convolution, transposed or not, of some input."""

    transposed: bool
    inputs: tuple[int, ...]
    channels: int
    width: int
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: object
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    block: int

    @property
    def layer(self):
        make = conv_transpose if self.transposed else conv
        options = {name: getattr(self, name) for name in OPTIONS}
        return make(self.width, self.window, **options)

    @property
    def common(self):
        """Whether this is 3 x 3 at stride 1."""
        return self.window == (3, 3) and self.stride == self.dilation == (1, 1)


OPTIONS = ("stride", "padding", "dilation", "groups", "bias")


def table():
    """Every rank, padding and kind of groups, six times; all else is drawn, always the same. Then
    3 x 3 at stride 1, which is computed in another way."""
    rng = np.random.default_rng(0)
    rows = []
    kinds = itertools.product(
        (False, True), (1, 2, 3), ("same", "valid", "causal", 1, "pairs"), ("one", "some", "each")
    )
    commonest = itertools.product(
        (False, True), (2,), ("same", "valid", 1, "pairs"), ("one", "some")
    )
    drawn = [(kind, False) for kind in kinds for _ in range(6)]
    drawn += [(kind, True) for kind in commonest for _ in range(4)]
    for (transposed, rank, padding, groups), common in drawn:
        most = {1: 11, 2: 8, 3: 5}[rank]

        def draw(least, most, rank=rank):
            return tuple(rng.integers(least, most + 1, rank).tolist())

        inputs, window = draw(1, most), draw(1, 4 if rank < 3 else 3)
        stride, dilation = draw(1, 3), draw(1, 3) if rng.random() < 0.5 else (1,) * rank
        if common:
            window, stride, dilation = (3, 3), (1, 1), (1, 1)
        parts = {"one": 1, "some": 2, "each": 3}[groups]
        per_part, outputs = (1 if groups == "each" else 2), int(rng.integers(1, 3))
        pairs = tuple(draw(0, 2, 2) for _ in range(rank)) if padding == "pairs" else padding
        row = Row(
            transposed,
            inputs,
            parts * per_part,
            parts * outputs,
            window,
            stride,
            pairs,
            dilation,
            parts,
            bool(rng.random() < 0.7),
            SMALL if rng.random() < 0.6 else blocks.BLOCK,
        )
        try:
            windows_of(row)
        except ShapeError:  # no window fits
            continue
        rows.append(row)
    return rows


def windows_of(row):
    """Where its windows lie. Nothing is drawn or compiled: the table is made at each collection."""
    given = (row.inputs, row.window, row.stride, row.padding, row.dilation)
    return lay_transposed("conv_transpose", *given, 0) if row.transposed else lay("conv", *given)


TABLE = table()


def pads(row):
    """What lax is given: its own "SAME" and "VALID", or pairs."""
    spans = [d * (k - 1) + 1 for k, d in zip(row.window, row.dilation, strict=True)]
    if isinstance(row.padding, int):
        return [(row.padding, row.padding)] * len(spans)
    if row.padding == "causal" and row.transposed:
        return [(0, max(span - s, 0)) for span, s in zip(spans, row.stride, strict=True)]
    if row.padding == "causal":
        return [(span - 1, 0) for span in spans]
    return row.padding.upper() if isinstance(row.padding, str) else row.padding


def by_lax(row, x, w):
    """The convolution; of a transposed one, that which takes its outputs to its inputs."""
    letters = "HWD"[: len(row.inputs)]
    return lax.conv_general_dilated(
        x,
        w,
        row.stride,
        pads(row),
        rhs_dilation=row.dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=row.groups,
    )


def theirs(row, params, x, dy):
    """y and the gradients, by autodiff."""

    def forward(params, x):
        if row.transposed:
            like = jax.ShapeDtypeStruct(dy.shape, dy.dtype)
            (y,) = jax.linear_transpose(lambda x: by_lax(row, x, params.w), like)(x)
        else:
            y = by_lax(row, x, params.w)
        return y if params.b is None else y + params.b

    y, vjp = jax.vjp(forward, params, x)
    return y, vjp(dy)


def ours(row, params, x, dy):
    y, cache = row.layer.forward(params, x)
    return y, row.layer.backward(params, cache, dy)


def arguments(row, batch=3):
    rng = np.random.default_rng(1)
    (w, b), out_shape = row.layer.init(jax.random.key(1), (*row.inputs, row.channels))
    b = b if b is None else jnp.asarray(rng.normal(size=b.shape))
    x = jnp.asarray(rng.normal(size=(batch, *row.inputs, row.channels)))
    return Conv(w, b), x, jnp.asarray(rng.normal(size=(batch, *out_shape)))


def assert_the_same(found, expected, said):
    assert jax.tree.structure(found) == jax.tree.structure(expected), said
    for a, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape, said
        np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-12, err_msg=str(said))


def test_they_are_those_of_lax(pytestconfig, monkeypatch):
    options = pytestconfig.option
    rng = np.random.default_rng(options.sample_seed)
    chosen = []
    for common, count in SAMPLE.items():
        rows = [row for row in TABLE if row.common == common]
        places = rng.permutation(len(rows))[: None if options.long else count]
        chosen += [rows[place] for place in places]
    chosen.sort(key=lambda row: row.block)
    monkeypatch.setattr(taps, "FEW", FEW)
    monkeypatch.setattr(winograd, "LEAST", 1)
    monkeypatch.setattr(winograd, "LEAST_OF_GRADIENT", 1)
    for block, some in itertools.groupby(chosen, key=lambda row: row.block):
        monkeypatch.setattr(blocks, "BLOCK", block)
        rows_of_block = list(some)
        for first in range(0, len(rows_of_block), CHUNK):
            rows = rows_of_block[first : first + CHUNK]

            @jax.jit
            def both(given, rows=rows):
                pairs = zip(rows, given, strict=True)
                return [(ours(row, *each), theirs(row, *each)) for row, each in pairs]

            for row, pair in zip(rows, both([arguments(row) for row in rows]), strict=True):
                assert_the_same(*pair, row)


def test_the_table_is_of_more_than_200_convolutions_of_every_kind():
    assert len(set(TABLE)) > 400
    assert sum(not row.transposed for row in TABLE) >= 200
    for what in (
        lambda row: len(row.inputs),
        lambda row: row.padding if isinstance(row.padding, str | int) else "pairs",
        lambda row: row.groups,
    ):
        assert min(np.unique([str(what(row)) for row in TABLE], return_counts=True)[1]) > 30


OTHERS = [  # window, stride, dilation, and channels per group, outputs and groups
    ((2, 3), 2, 1, 2, 4, 2),
    (3, 1, 2, 3, 2, 1),
    (3, 2, 1, 1, 6, 3),
]


@pytest.mark.parametrize("given", OTHERS, ids=str)
def test_other_platforms_compute_the_same(monkeypatch, given):
    """What they run is run here, without the `jit` that remembers what it traced for a CPU."""
    window, stride, dilation, channels, width, groups = given
    windows = lay("conv", (5, 4), window, stride, "same", dilation)

    def gradients(dtype, unjitted):
        correlate, kernel_gradient, spread = (
            f.__wrapped__ if unjitted else f
            for f in (convolving.correlate, convolving.kernel_gradient, convolving.spread)
        )
        x, w, b = (
            jax.random.normal(KEY, shape, dtype)
            for shape in (
                (4, 5, 4, channels * groups),
                (*windows.sizes, channels, width),
                (width,),
            )
        )
        y = correlate(x, w, b, windows, groups)
        return y, kernel_gradient(x, y, windows, groups, True), spread(y, w, None, windows, groups)

    here = jax.jit(lambda: gradients(jnp.float64, False))()
    monkeypatch.setattr(lax, "platform_dependent", lambda *a, cpu, default: default(*a))
    there = jax.jit(lambda: gradients(jnp.float64, True))()
    assert_the_same(here, there, given)
    narrow = jax.eval_shape(lambda: gradients(jnp.bfloat16, True))
    assert {leaf.dtype for leaf in jax.tree.leaves(narrow)} == {jnp.dtype(jnp.bfloat16)}


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_transposed_one_is_that_of_lax(padding):
    layer, rng = conv_transpose(3, (3, 4), stride=(2, 3), padding=padding, bias=False), np.random
    x, w = rng.normal(size=(2, 5, 4, 2)), rng.normal(size=(3, 4, 3, 2))
    expected = lax.conv_transpose(x, w, (2, 3), padding.upper(), transpose_kernel=True)
    y, _ = layer.forward(Conv(w, None), jnp.asarray(x))
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


def test_a_number_and_output_padding_are_those_of_pytorch():
    """Its sizes by the formula of its manual, its values by the definition."""
    layer = conv_transpose(1, 3, stride=2, padding=1, output_padding=1, bias=False)
    x, w = np.arange(1.0, 5), np.array([1.0, 10, 100])
    spread = np.zeros(11)
    for o, k in itertools.product(range(4), range(3)):
        spread[2 * o + k] += x[o] * w[k]
    size = (4 - 1) * 2 - 2 * 1 + (3 - 1) + 1 + 1
    y, _ = layer.forward(
        Conv(jnp.asarray(w.reshape(3, 1, 1)), None), jnp.asarray(x.reshape(1, 4, 1))
    )
    np.testing.assert_array_equal(y.ravel(), spread[1 : 1 + size])


def test_separable_is_one_after_the_other():
    layer, x = separable_conv(5, 3, multiplier=2, stride=2), jax.random.normal(KEY, (3, 7, 4, 2))
    params, _ = layer.init(KEY, (7, 4, 2))
    first, second = depthwise_conv(3, multiplier=2, stride=2, bias=False), conv(5, 1)
    given = (
        Conv(params.depthwise, None),
        Conv(params.pointwise.reshape(1, 1, 4, 5), params.b + 1),
    )

    def chained(given, x):
        return second.forward(given[1], first.forward(given[0], x)[0])[0]

    y, vjp = jax.vjp(chained, given, x)
    (u, w), dx = vjp(y)
    params = params._replace(b=given[1].b)
    found, cache = layer.forward(params, x)
    assert_the_same(found, y, "y")
    dparams, found = layer.backward(params, cache, y)
    assert_the_same(found, dx, "dx")
    assert_the_same(tuple(dparams), (u.w, w.w.reshape(4, 5), w.b), "dparams")


def test_causal_outputs_depend_on_nothing_behind_them():
    for layer, steps in (
        (conv(2, 3, padding="causal", dilation=2, bias=False), lambda t: t),
        (conv_transpose(2, 5, stride=3, padding="causal", bias=False), lambda t: 3 * t),
    ):
        params, _ = layer.init(KEY, (7, 1))
        x = jnp.zeros((7, 7, 1)).at[jnp.arange(7), jnp.arange(7)].set(1)
        reached = np.asarray(layer.forward(params, x)[0] != 0).any(-1)
        for t in range(7):
            assert reached[t].argmax() == steps(t)


def test_groups_are_small_and_a_batch_of_any_size_is_whole():
    """A loop's blocks are as even as they can be, and its rest is done after it."""
    assert [blocks._even(count, blocks.BLOCK // 8) for count in (64, 12, 7, 3)] == [8, 6, 7, 3]
    assert blocks._even(17, blocks.BLOCK // 8) == 8
    assert blocks._even(9, 3 * blocks.BLOCK) == 1


def test_an_empty_batch_is_an_empty_batch():
    for layer in (conv(3), conv_transpose(3, stride=2), depthwise_conv(), separable_conv(3)):
        params, shape = layer.init(KEY, (5, 4, 2))
        y, cache = layer.forward(params, jnp.zeros((0, 5, 4, 2)))
        dparams, dx = layer.backward(params, cache, y)
        assert y.shape == (0, *shape)
        assert dx.shape == (0, 5, 4, 2)
        assert all(not np.any(leaf) for leaf in jax.tree.leaves(dparams))


@pytest.mark.parametrize(
    "layer",
    [conv(2, 3), conv(2, 1), conv_transpose(2, stride=2), depthwise_conv(3), separable_conv(2)],
    ids=repr,
)
def test_sums_in_bfloat16_do_not_saturate(layer):
    """Of 20,000 positive terms, where sums in bfloat16 stop at 256: right to half a unit or so."""
    params, _ = layer.init(KEY, (100, 2))
    params = jax.tree.map(abs, params)

    @functools.partial(jax.jit, static_argnums=0)
    def gradients(dtype):
        x = jnp.ones((200, 100, 2), dtype)
        given = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
        y, cache = layer.forward(given, x)
        dy = jnp.ones_like(y)
        return y, layer.backward(given, cache, dy)

    found, expected = gradients(jnp.bfloat16), gradients(jnp.float64)
    for a, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == jnp.bfloat16
        np.testing.assert_allclose(a.astype(float), e, rtol=2.0**-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: conv(0), "conv: width is 0"),
        (lambda: conv(3, 0), "conv: window is 0"),
        (lambda: conv(3, stride=(1, 0)), "conv: stride is 0"),
        (lambda: conv(3, (3, 3), stride=(1, 1, 1)), "window for 2, stride for 3 axes"),
        (lambda: conv(3, padding="full"), "conv: padding is 'full'"),
        (lambda: conv(3, padding=-1), "conv: padding is -1"),
        (lambda: conv(3, padding=(1, 1)), "a pair (before, behind) for each axis"),
        (lambda: conv(3, bias=1), "conv: bias is 1"),
        (lambda: conv(3, w_init=0.1), "take one of fnet.initializers"),
        (lambda: conv(3, l2=-1), "conv: l2 is -1"),
        (lambda: depthwise_conv(multiplier=0), "depthwise_conv: multiplier is 0"),
        (lambda: separable_conv(2.5), "separable_conv: width is 2.5"),
        (lambda: conv_transpose(1, stride=2, padding=0, output_padding=2), "less than the stride"),
        (lambda: conv_transpose(1, stride=2, output_padding=1), "already says the output's size"),
    ],
)
def test_a_wrong_configuration_is_reported(build, message):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (conv(3, 5, padding="valid"), (4, 7, 2), "reaches over 5 entries of spatial axis 0"),
        (conv(3, 2, dilation=7, padding=1), (4, 2), "of spatial axis 0, which has 6"),
        (conv(3, (3, 3)), (8, 2), "window is (3, 3), for 2 axes, and the input has 1"),
        (conv(4, groups=4), (8, 6), "6 channels cannot be divided among 4 groups"),
        (conv(6, groups=4), (8, 8), "6 outputs cannot be divided among 4 groups"),
        (conv(4), (8,), "1, 2 or 3 spatial axes, and channels last"),
        (conv_transpose(1, 3, padding=3), (2, 1), "leaves -2 outputs along spatial axis 0"),
    ],
)
def test_a_shape_that_does_not_fit_is_reported(layer, shape, message):
    with pytest.raises(ShapeError) as caught:
        layer.init(KEY, shape)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (jnp.ones((2, 5, 5, 2)), "x is (2, 5, 5, 2); w (3, 3, 3, 4) takes a batch with 2 spatial"),
        (jnp.ones((5, 5, 3)), "a single example is a batch of one: x[None]"),
        (jnp.ones((2, 5, 5, 3), jnp.uint8), "x is uint8; it must be floating point"),
        (jnp.ones((2, 5, 5, 3), jnp.bfloat16), "x is bfloat16 and w float64; cast"),
    ],
)
def test_a_wrong_input_is_reported(x, message):
    params, _ = conv(4).init(KEY, (5, 5, 3))
    with pytest.raises(ShapeError) as caught:
        conv(4).forward(params, x)
    assert message in str(caught.value)


ALIKE = [
    conv(4, 2, groups=2),
    conv(4, stride=3),
    conv(64),
    conv_transpose(4, 2, stride=3, groups=2),
    depthwise_conv(multiplier=2),
    separable_conv(3, multiplier=2),
]


@pytest.mark.parametrize("layer", ALIKE, ids=repr)
def test_an_empty_batch_and_arrays_of_numpy_are_taken(layer):
    """By their shapes, since nothing is to be computed: what is empty divides by no number."""
    shape = (5, 4, 64 if layer is ALIKE[2] else 4)

    def both_passes(count):
        params, out_shape = layer.init(KEY, shape)
        x, dy = np.zeros((count, *shape)), np.zeros((count, *out_shape))
        y, cache = layer.forward(params, x)
        return params, x, dy, y, *layer.backward(params, cache, dy)

    for count in (0, 2):
        params, x, dy, y, dparams, dx = jax.eval_shape(functools.partial(both_passes, count))
        assert (y.shape, dx.shape) == (dy.shape, x.shape)
        assert jax.tree.map(jnp.shape, dparams) == jax.tree.map(jnp.shape, params)


def overlapping(inputs, channels, width, window, padding, dilation):
    stride = (1,) * len(window)
    return Row(False, inputs, channels, width, window, stride, padding, dilation, 1, True, SMALL)


OVERLAPPING = [  # and how many images
    (overlapping((12, 11), 8, 8, (3, 3), ((1, 1), (1, 1)), (1, 1)), 16),
    (overlapping((9, 12), 16, 12, (3, 3), ((0, 2), (2, 0)), (1, 1)), 17),
    (overlapping((8, 8), 3, 16, (3, 3), ((0, 0), (1, 0)), (1, 1)), 9),
    (overlapping((13, 12), 10, 9, (3, 3), ((2, 2), (2, 2)), (2, 2)), 8),
    (overlapping((9, 10), 40, 33, (5, 4), ((2, 2), (1, 2)), (1, 1)), 8),
    (overlapping((40,), 8, 8, (9,), ((8, 0),), (1,)), 8),
    (overlapping((30,), 5, 16, (11,), ((7, 2),), (2,)), 10),
]


def in_float32(row, count):
    """Windows, x, w, b and dy."""
    (w, b), x, dy = arguments(row, count)
    return windows_of(row), *(np.float32(each) for each in (x, w, b, dy))


def _three(x, w, b, dy, windows):
    y = convolving.correlate(x, w, b, windows, 1)
    dw, db = convolving.kernel_gradient(x, dy, windows, 1, True)
    return y, dw, db, convolving.spread(dy, w, None, windows, 1)


@pytest.mark.parametrize(("row", "count"), OVERLAPPING, ids=str)
def test_windows_that_overlap_are_those_of_lax_in_float64(row, count):
    windows, x, w, b, dy = in_float32(row, count)
    assert native.suits(jnp.asarray(x), w.shape, windows, 1)
    assert native.suits_gradient(jnp.asarray(x), w.shape, windows, 1)
    precise = Conv(np.float64(w), np.float64(b)), np.float64(x), np.float64(dy)
    y, ((dw, db), dx) = theirs(row, *precise)
    for own, expected in zip(_three(x, w, b, dy, windows), (y, dw, db, dx), strict=True):
        assert own.dtype == np.float32
        assert np.abs(np.float64(own) - expected).max() < 1e-5 * np.abs(expected).max()


def test_in_a_loop_they_are_in_the_form_that_xla_has_a_routine_for():
    windows, *arrays = in_float32(*OVERLAPPING[0])

    def loop(x, w, b, dy):
        def one(total, _):
            parts = _three(x + total, w, b, dy, windows)
            return sum(part.mean() for part in parts), None

        return lax.scan(one, np.float32(0), None, length=3)[0]

    with jax.default_device(jax.devices("cpu")[0]):
        program = jax.jit(loop).lower(*arrays).compile().as_text()
    labels = re.findall(r"dim_labels=(\S+?)[,\s]", program)
    assert len(labels) == 3, labels
    assert set(labels) == {"b01f_01io->b01f"}


@pytest.mark.parametrize("mapped", [(0, None), (None, 0), (0, 0)], ids=str)
def test_mapped_over_arrays_or_kernels_they_are_each_ones_own(mapped):
    windows, x, w, b, dy = in_float32(*OVERLAPPING[2])
    several = [
        np.stack([each, 2 * each, each[::-1]]) if axis == 0 else each
        for each, axis in zip((x, w), mapped, strict=True)
    ]

    def of(x, w):
        return _three(x, w, b, dy, windows)

    together = jax.jit(jax.vmap(of, mapped))(*several)
    for i in range(3):
        own = [e if axis is None else e[i] for e, axis in zip(several, mapped, strict=True)]
        for a, e in zip(together, of(*own), strict=True):
            np.testing.assert_allclose(a[i], e, rtol=1e-4, atol=1e-4)
    program = jax.jit(jax.vmap(of, mapped)).lower(*several).compile().as_text()
    assert "feature_group_count" not in program  # for which XLA has no fast routine
    assert "batch_group_count" not in program


def test_autodiff_passes_through_them_more_than_once():
    windows, x, w, b, dy = in_float32(*OVERLAPPING[2])

    def value(w):
        return (dy * convolving.correlate(x, w, b, windows, 1) ** 2).sum()

    def by_hand(w, t):  # y is linear in w: the second derivative is of the square alone
        u = convolving.correlate(x, t, None, windows, 1)
        return convolving.kernel_gradient(x, 2 * dy * u, windows, 1, False)[0]

    t = np.cos(np.arange(w.size, dtype=np.float32)).reshape(w.shape)
    forward_over_reverse = jax.jvp(jax.grad(value), (w,), (t,))[1]
    reverse_over_reverse = jax.grad(lambda w: (jax.grad(value)(w) * t).sum())(w)
    expected = by_hand(w, t)
    for own in (forward_over_reverse, reverse_over_reverse):
        assert np.abs(own - expected).max() < 1e-5 * np.abs(expected).max()
