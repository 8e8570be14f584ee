"""Attention: each query's mean of values, weighted by how well their keys fit it."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Shape, layer
from fnet.core.containers import alike
from fnet.core.expect import (
    require,
    require_bool,
    require_key_and_shape,
    require_number,
    require_whole,
)
from fnet.core.trees import is_shape
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, FnetError
from fnet.initializers import Initializer, glorot_normal
from fnet.layers.attending import Sight
from fnet.layers.heads import Attention, Cache, Heads
from fnet.layers.looking_back import continued
from fnet.layers.masks import given_of


@constructor
def attention(
    heads: int,
    kv_heads: int | None = None,
    width: int | None = None,
    causal: bool = False,
    window: int | None = None,
    rope: Layer | None = None,
    bias: bool = True,
    softcap: float | None = None,
    dropout: float = 0.0,
    w_init: Initializer = glorot_normal,
) -> Layer:
    """Each step of a sequence looks at the others, and takes a mean of what it sees.

        q, k, v = x wqᵀ + bq, x wkᵀ + bk, x wvᵀ + bv        by head: (T, d)
        s = q kᵀ / √d        p = softmax(s)        o = p v        y = o wᵀ + b
        dv = pᵀ do           dp = do vᵀ            ds = p (dp − Σ do o)
        dq = ds k / √d       dk = dsᵀ q / √d

    x, y and dx: (N, T, D). There are `heads` heads of d numbers, d H = `width`, by default D. With
    `kv_heads` K < H, H/K heads that follow each other share keys and values: wq (H d, D), wk and wv
    (K d, D), w (D, H d). The rest of the gradients is that of `affine`; but bk, which adds the same
    number to all scores of a query unless `rope` or `softcap` make a difference, has then a
    gradient of 0 and not of rounding errors, which Adam would take for one.

    A step sees no later one if `causal`, and with `window` W only steps at a distance below W.
    `rope` is a layer `rope(...)`, which turns queries and keys. With `softcap` c, s is c tanh(s/c).
    In training, with a key, an entry of p is 0 with probability `dropout`, the others divided by
    one less that; each block of each head of each example has a mask of its own, drawn again in the
    backward pass.

    x may be a pair, and then y is one too, with the same second part: (x, lengths), lengths (N,)
    integers; (x, there), there (N, T) booleans, false for padding; or (x, visible), visible (N, T,
    T) booleans, which steps t see which s. Padding is not looked at, its y and dx are 0, whatever
    it holds, NaN included. A step that sees nothing has o = 0 and a gradient of 0, and ∞ for log Σ
    exp s in the cache.

    T × T numbers are never stored: blocks of queries meet blocks of keys, in float32 or wider, on a
    CPU a head at a time; a causal one only those up to its end, a window only those in it. Cache:
    x, q, k, v, o, and of each query and head log Σ exp s, from which s is made again.
    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762; blocks: Dao et al.
    (2022), FlashAttention, arXiv:2205.14135; shared heads: Ainslie et al. (2023), GQA,
    arXiv:2305.13245; the cap: Gemma Team (2024), Gemma 2, arXiv:2408.00118.

    >>> import jax
    >>> layer = attention(2, causal=True)
    >>> params, out_shape = layer.init(jax.random.key(0), (7, 4))
    >>> x = jax.random.normal(jax.random.key(1), (1, 7, 4))
    >>> y, changed = (layer.apply(params, each) for each in (x, x.at[:, 5:].set(0)))
    >>> out_shape, bool((y == changed)[:, :5].all())  # no step sees a later one
    ((7, 4), True)
    """
    require_bool("attention: causal", causal)
    if window is not None:
        require_whole("attention: window", window, least=1)
    if rope is not None and not _turns(rope):
        raise ConfigurationError(
            f"attention: rope is {rope!r}; it must be a Layer that turns queries and keys: rope()"
        )
    around = Heads.of("attention", heads, kv_heads, width, bias, w_init, rope)
    sight = _sight("attention", softcap, dropout)._replace(causal=causal, window=window)

    def apart(x: Any) -> tuple[Array, None, Any]:
        return (x[0], None, x[1]) if isinstance(x, tuple) and len(x) == 2 else (x, None, None)

    def init(key: PRNGKey, shape: Shape) -> tuple[Attention, Shape]:
        require_key_and_shape(key, shape)
        x = shape if is_shape(tuple(shape)) else apart(tuple(shape))[0]
        return around.init(key, x, x), shape

    def forward(params: Attention, x: Any, key: PRNGKey | None = None) -> tuple[Any, Cache]:
        pair, (x, _, mask) = x, apart(x)
        around.check(params, x, x)
        given = given_of("attention", mask, len(x), x.shape[1], x.shape[1])
        y, cache = around.forward(params, given.kept(x), None, given, key, sight)
        y = given.kept(y)
        return (y if mask is None else alike(pair, (y, mask))), cache

    def backward(params: Attention, cache: Cache, dy: Any) -> tuple[Attention, Any]:
        masked = isinstance(dy, tuple)
        own = cache.given.kept(dy[0] if masked else dy)
        dparams, dx, dm = around.backward(params, cache, own, sight)
        dx = cache.given.kept((dx + dm).astype(own.dtype))
        return dparams, alike(dy, (dx, None)) if masked else dx

    return layer(init, forward, backward, stream=continued(around, sight))


@constructor
def cross_attention(
    heads: int,
    kv_heads: int | None = None,
    width: int | None = None,
    bias: bool = True,
    softcap: float | None = None,
    dropout: float = 0.0,
    w_init: Initializer = glorot_normal,
) -> Layer:
    """Each step of a sequence looks at those of another one, the memory.

        q = x wqᵀ + bq        k, v = m wkᵀ + bk, m wvᵀ + bv        by head: (T, d), (S, d), (S, d)
        s = q kᵀ / √d         p = softmax(s)        o = p v        y = o wᵀ + b

    The input is a pair (x, m): x (N, T, D), the memory m (N, S, E), y (N, T, D). Or a triple, whose
    third part says what of the memory is seen: its lengths (N,); booleans (N, S), false for
    padding, which has no gradient, whatever it holds; or booleans (N, T, S). Arguments, gradients,
    cache and blocks are those of `attention`.
    Source: Vaswani et al. (2017), Attention Is All You Need, section 3.2.3, arXiv:1706.03762.

    >>> import jax
    >>> cross_attention(2).init(jax.random.key(0), ((7, 4), (5, 6)))[1]
    (7, 4)
    """
    around = Heads.of("cross_attention", heads, kv_heads, width, bias, w_init, None)
    sight = _sight("cross_attention", softcap, dropout)

    def apart(x: Any) -> tuple[Any, Any, Any]:
        require(
            isinstance(x, tuple) and len(x) in (2, 3) and not is_shape(x),
            "cross_attention takes a pair (x, memory), or a triple with a mask of the memory",
        )
        return x[0], x[1], x[2] if len(x) == 3 else None

    def init(key: PRNGKey, shape: Shape) -> tuple[Attention, Shape]:
        require_key_and_shape(key, shape)
        x, memory, _ = apart(tuple(shape))
        return around.init(key, x, memory), x

    def forward(params: Attention, x: Any, key: PRNGKey | None = None) -> tuple[Array, Any]:
        kind = alike(x, ((),) * len(x))  # what x is, without arrays
        x, memory, mask = apart(x)
        around.check(params, x, memory)
        given = given_of("cross_attention", mask, len(x), x.shape[1], memory.shape[1])
        y, cache = around.forward(params, x, given.kept(memory), given, key, sight)
        return y, (cache, kind)

    def backward(params: Attention, cache: Any, dy: Array) -> tuple[Attention, Any]:
        cache, kind = cache
        dparams, dx, dm = around.backward(params, cache, dy, sight)
        dm = cache.given.kept(dm)
        parts = dx.astype(dy.dtype), dm.astype(dy.dtype), None
        return dparams, alike(kind, parts[: len(kind)])

    return layer(init, forward, backward)


def _turns(rope: Any) -> bool:
    """Whether this is a layer whose backward pass needs neither parameters nor a cache."""

    def tried() -> tuple[ArrayTree, ArrayTree]:
        params, _ = rope.init(jax.random.key(0), (1, 1, 2))
        return params, rope.forward(params, jnp.zeros((1, 1, 1, 2)))[1]

    try:
        return isinstance(rope, Layer) and not jax.tree.leaves(jax.eval_shape(tried))
    except FnetError:  # it takes no such input
        return False


def _sight(name: str, softcap: float | None, rate: float) -> Sight:
    if softcap is not None:
        require_number(f"{name}: softcap", softcap, above=0)
    require_number(f"{name}: dropout", rate, least=0, most=1)
    return Sight(softcap=softcap, rate=rate)
