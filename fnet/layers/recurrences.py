"""Recurrent networks over sequences, and their cells: simple, LSTM and GRU."""

from fnet.core import Layer
from fnet.core.values import constructor
from fnet.initializers import Initializer, glorot_normal
from fnet.layers.over_time import as_cell, over_time
from fnet.layers.sized import gru_of, lstm_of, rnn_of


@constructor
def rnn(
    width: int,
    activation: str = "tanh",
    reverse: bool = False,
    last: bool = False,
    initial: str = "zero",
    w_init: Initializer = glorot_normal,
) -> Layer:
    """A simple recurrent network: the state is a function of the input and of the state before.

        a = w x + u h + b        h′ = tanh a        y = (h₁, ..., h_T)
        da = dh′ (1 − h′²)       dh = uᵀ da
        dw = Σ da xᵀ     du = Σ da hᵀ     db = Σ da     dx = wᵀ da

    x: (N, T, D), y: (N, T, H), H = `width`, or with `last` the last state alone, (N, H). `reverse`
    runs from the last step to the first. `activation` is "tanh" or "relu", max(0, a).

    For sequences of different lengths x is a pair (x, lengths), lengths (N,) integers, and y too
    unless `last`: a step at or beyond the length changes no state, its y and dx are 0, whatever it
    holds. The state begins as 0; with initial="given" the input is (x, h₀) or (x, h₀, lengths), h₀
    (N, H), which has a gradient. With initial="learned" h₀ (H,) is that of every example, begins
    as 0, and is trained: the parameters are a pair (cell, state), and dh₀ = Σ_N dh.

    For some steps at a time, 512 rows of examples and steps, w x is one product, and so is each of
    dw, du and dx. Sums are in float32 or wider. Cache: x and the states. Raises ShapeError where x
    is not (N, T, D) and floating point.
    Source: Elman (1990), Finding Structure in Time.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> params, out_shape = rnn(3).init(jax.random.key(0), (5, 2))
    >>> out_shape, rnn(3, last=True).apply(params, jnp.ones((1, 5, 2))).shape
    ((5, 3), (1, 3))
    """
    return over_time(rnn_of("rnn", width, activation, w_init), reverse, last, initial)


@constructor
def lstm(
    width: int,
    projection: int | None = None,
    reverse: bool = False,
    last: bool = False,
    initial: str = "zero",
    w_init: Initializer = glorot_normal,
) -> Layer:
    """Long short-term memory: gates decide what a cell takes in, keeps and shows.

        aᵢ, a_f, a_g, a_o = w x + u h + b       i, f, g, o = σ(aᵢ), σ(a_f), tanh(a_g), σ(a_o)
        c′ = f c + i g        m = tanh c′        h′ = o m        y = (h₁, ..., h_T)
        dc′ ← dc′ + dh′ o (1 − m²)        dc = f dc′        dh = uᵀ da
        daᵢ = dc′ g i (1 − i)   da_f = dc′ c f (1 − f)   da_g = dc′ i (1 − g²)
        da_o = dh′ m o (1 − o)

    x: (N, T, D), y: (N, T, H), H = `width`. With `projection` P, h′ = p (o m) has P numbers. `b` of
    the forget gate begins at 1. dw, du, db, dx, `reverse`, `last`, lengths and `initial` are those
    of `rnn`; a given state is a pair (h₀, c₀). Cache: x, h, c and the gates i, f, g, o.
    Source: Hochreiter & Schmidhuber (1997), Long Short-Term Memory; forget gate: Gers et al.
    (2000); projection: Sak et al. (2014), arXiv:1402.1128.

    >>> import jax
    >>> lstm(3).init(jax.random.key(0), (5, 2))[1]
    (5, 3)
    """
    return over_time(lstm_of("lstm", width, projection, w_init), reverse, last, initial)


@constructor
def gru(
    width: int,
    reset_after: bool = True,
    reverse: bool = False,
    last: bool = False,
    initial: str = "zero",
    w_init: Initializer = glorot_normal,
) -> Layer:
    """Gated recurrent unit: gates decide what of the state enters a candidate, and what stays.

        a_r, a_z = w x + u h + b                 r, z = σ(a_r), σ(a_z)
        n = tanh(wₙ x + bₙ + r (uₙ h + c))       h′ = (1 − z) n + z h        y = (h₁, ..., h_T)
        daₙ = dh′ (1 − z) (1 − n²)     da_z = dh′ (h − n) z (1 − z)
        da_r = daₙ (uₙ h + c) r (1 − r)
        dh = z dh′ + u_rᵀ da_r + u_zᵀ da_z + uₙᵀ (r daₙ)      dc = Σ r daₙ

    x: (N, T, D), y: (N, T, H), H = `width`. With reset_after=False the reset gate comes before the
    product, n = tanh(wₙ x + bₙ + uₙ (r h)), as first published, and there is no c. dw, du, db, dx,
    `reverse`, `last`, lengths and `initial` are those of `rnn`. Cache: x, r, z, n, uₙ h + c, and h.
    Source: Cho et al. (2014), Learning Phrase Representations, arXiv:1406.1078; reset after: cuDNN.

    >>> import jax
    >>> gru(3).init(jax.random.key(0), (5, 2))[1]
    (5, 3)
    """
    return over_time(gru_of("gru", width, reset_after, w_init), reverse, last, initial)


@constructor
def rnn_cell(width: int, activation: str = "tanh", w_init: Initializer = glorot_normal) -> Layer:
    """One step of `rnn`: a layer (h, x) -> h′, for `recurrent`.

    h: (N, H), x: (N, D), H = `width`. Formulas and parameters are those of `rnn`. Cache: h, x, h′.
    Source: that of `rnn`.

    >>> import jax
    >>> rnn_cell(3).init(jax.random.key(0), ((3,), (2,)))[1]
    (3,)
    """
    return as_cell(rnn_of("rnn_cell", width, activation, w_init))


@constructor
def lstm_cell(
    width: int, projection: int | None = None, w_init: Initializer = glorot_normal
) -> Layer:
    """One step of `lstm`: a layer ((h, c), x) -> (h′, c′), for `recurrent`.

    h and c: (N, H), x: (N, D), H = `width`; with `projection` P, h: (N, P). Formulas and parameters
    are those of `lstm`. Cache: h, c, x, h′, c′ and the gates. Source: that of `lstm`.

    >>> import jax
    >>> lstm_cell(3).init(jax.random.key(0), (((3,), (3,)), (2,)))[1]
    ((3,), (3,))
    """
    return as_cell(lstm_of("lstm_cell", width, projection, w_init))


@constructor
def gru_cell(width: int, reset_after: bool = True, w_init: Initializer = glorot_normal) -> Layer:
    """One step of `gru`: a layer (h, x) -> h′, for `recurrent`.

    h: (N, H), x: (N, D), H = `width`. Formulas and parameters are those of `gru`. Cache: h, x, h′,
    the gates and the candidate. Source: that of `gru`.

    >>> import jax
    >>> gru_cell(3).init(jax.random.key(0), ((3,), (2,)))[1]
    (3,)
    """
    return as_cell(gru_of("gru_cell", width, reset_after, w_init))
