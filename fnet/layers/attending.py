"""Queries over keys, a block at a time: weighted means of values, and the way back.

Of one group of heads, which shares keys and values,

    s = k q          p = exp(s − lse)      lse = log Σ exp s        o = Σ p v
    dv = p do        ds = p (v do − Σ do o)        dq = Σ ds k        dk = ds q

where sums are over the keys, and q was multiplied by 1/√d. Scores are (keys, queries), so that what
is reduced over keys runs along the memory, and only dq needs a product read by columns. Nothing is
as large as keys × queries: a block of queries meets the keys that it may look at, and s is computed
again in the backward pass from lse, one number per query.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey
from jax import lax

from fnet.core.across import place_of
from fnet.core.trees import widened
from fnet.layers.dropout import keep_mask
from fnet.layers.sums import over_blocks

SHORT = 512  # queries; longer sequences take blocks of twice as many
BLOCK = 64  # queries in a block, so that its scores stay in the cache
LEAST = 16  # queries in a block, however many heads share its keys
UNROLLED = 8  # parts of a causal sequence, each with as many keys as its last block sees
TOGETHER = 64 * 64  # scores of a head that are too few for a loop over heads


class Sight(NamedTuple):
    """Which keys a query sees, and how: all that is static.

    A query t sees a key s only if s ≤ t where `causal`, and |t − s| < `window`. By `softcap` c a
    score s becomes c tanh(s / c). `rate` is that of dropout.
    """

    causal: bool = False
    window: int | None = None
    softcap: float | None = None
    rate: float = 0.0


class Part(NamedTuple):
    """So many `blocks` of `size` queries from `first` on; block i sees `keys` keys from
    `start` + i `step` on, or from the nearest place at which there are as many."""

    first: int
    size: int
    blocks: int
    start: int
    keys: int
    step: int


def parts_of(queries: int, keys: int, group: int, sight: Sight) -> list[Part]:
    """How the queries are divided into blocks, for heads that share keys in groups of this size."""
    size = max((BLOCK if queries <= SHORT else 2 * BLOCK) // group, LEAST)
    whole, rest = divmod(queries, size)
    blocks = [(0, size, whole)] if whole else []
    tail = [(whole * size, rest, 1)] if rest or not whole else []
    reach = None if sight.window is None else sight.window - 1
    if reach is not None and size + (1 if sight.causal else 2) * reach < keys:
        return [
            Part(first, n, count, first - reach, n + (1 if sight.causal else 2) * reach, n)
            for first, n, count in blocks + tail
        ]
    if not sight.causal:
        return [Part(*each, 0, keys, 0) for each in blocks + tail]
    run = -(-whole // UNROLLED)
    runs = [(i * size, size, min(run, whole - i)) for i in range(0, whole, run or 1)]
    return [
        Part(first, n, count, 0, min(first + n * count, keys), 0) for first, n, count in runs + tail
    ]


def attend(
    q: Array, k: Array, v: Array, visible: Array | None, key: PRNGKey | None, sight: Sight
) -> tuple[Array, Array]:
    """o (P, T, G, d) and lse (P, T, G), of q (P, T, G, d) and of k and v (P, S, d).

    P is examples × groups of heads, G the heads of a group. `visible` tells which keys are seen, by
    all heads of an example: (N, S), or (N, T, S). A query that sees nothing has o = 0, lse = ∞.
    """
    if not q.size:  # no examples, or no queries
        return q, widened(q[..., 0])

    def of_pair(number: Array, q: Array, k: Array, v: Array) -> tuple[Array, Array]:
        own = _own_key(key, number, pairs)
        pair = _Pair.of(q, k, v, _of_example(visible, number, pairs), own, sight)
        found = [_over(part, pair.forward) for part in pair.parts]
        o, lse = (jnp.concatenate(each) for each in zip(*found, strict=True))
        return o.reshape(q.shape).astype(q.dtype), lse.reshape(q.shape[:2])

    pairs = len(q)
    found: tuple[Array, Array] = _over_pairs(of_pair, q.shape[1] * k.shape[1], q, k, v)
    return found


def pull_back(
    q: Array,
    k: Array,
    v: Array,
    o: Array,
    lse: Array,
    do: Array,
    visible: Array | None,
    key: PRNGKey | None,
    sight: Sight,
) -> tuple[Array, Array, Array]:
    """dq, dk and dv, from what `attend` was given and returned."""
    if not q.size:
        return q, jnp.zeros_like(k), jnp.zeros_like(v)

    def of_pair(number: Array, *arrays: Array) -> tuple[Array, ...]:
        q, k, v, o, lse, do = arrays
        own = _own_key(key, number, pairs)
        pair = _Pair.of(q, k, v, _of_example(visible, number, pairs), own, sight)
        o, do = (widened(each).reshape(pair.q.shape) for each in (o, do))
        back = functools.partial(pair.backward, lse.ravel(), (o * do).sum(1), do)
        sums, dqs = (jnp.zeros_like(pair.k), jnp.zeros_like(pair.v)), []
        for part in pair.parts:
            dq, sums = _over(part, back, sums)
            dqs.append(dq)
        dq = jnp.concatenate(dqs).reshape(q.shape) / math.sqrt(q.shape[-1])
        return tuple(d.astype(q.dtype) for d in (dq, *sums))

    pairs = len(q)
    found: tuple[Array, Array, Array] = _over_pairs(
        of_pair, q.shape[1] * k.shape[1], q, k, v, o, lse, do
    )
    return found


class _Pair(NamedTuple):
    """One example and one group of heads: q (T G, d), scaled, k and v (S, d)."""

    q: Array
    k: Array
    v: Array
    visible: Array | None
    key: PRNGKey | None
    sight: Sight
    group: int

    @classmethod
    def of(
        cls,
        q: Array,
        k: Array,
        v: Array,
        visible: Array | None,
        key: PRNGKey | None,
        sight: Sight,
    ) -> "_Pair":
        q, k, v = widened((q, k, v))
        rows = q.reshape(-1, q.shape[-1]) / math.sqrt(q.shape[-1])
        return cls(rows, k, v, visible, key, sight, q.shape[1])

    @property
    def parts(self) -> list[Part]:
        return parts_of(len(self.q) // self.group, len(self.k), self.group, self.sight)

    def rows(self, part: Part, i: Array | int, array: Array) -> Array:
        """Of an array with a row for each query and head, those of block i."""
        first = (part.first + i * part.size) * self.group
        return lax.dynamic_slice_in_dim(array, first, part.size * self.group)

    def start(self, part: Part, i: Array | int) -> Array | int:
        """The first key that block i sees."""
        if not part.step:
            return part.start
        return jnp.clip(part.start + i * part.step, 0, len(self.k) - part.keys)

    def keys(self, part: Part, i: Array | int, array: Array) -> Array:
        return lax.dynamic_slice_in_dim(array, self.start(part, i), part.keys)

    def seen(self, part: Part, i: Array | int) -> Array | None:
        """Which keys each query of block i sees, (keys, queries × heads); None for all."""
        first, start = part.first + i * part.size, self.start(part, i)
        query = (first + jnp.arange(part.size)).repeat(self.group)[None]
        key = start + jnp.arange(part.keys)[:, None]
        rules = [key <= query] if self.sight.causal else []
        rules += [jnp.abs(query - key) < self.sight.window] if self.sight.window else []
        if self.visible is not None and self.visible.ndim == 1:
            rules.append(self.keys(part, i, self.visible)[:, None])
        elif self.visible is not None:
            there = lax.dynamic_slice(self.visible, (first, start), (part.size, part.keys))
            rules.append(there.T.repeat(self.group, axis=1))
        return functools.reduce(jnp.logical_and, rules) if rules else None

    def scores(self, part: Part, i: Array | int) -> tuple[Array, Array]:
        """s (keys, queries × heads), −∞ where a key is not seen, and ds over the d of k q."""
        s = self.keys(part, i, self.k) @ self.rows(part, i, self.q).T
        slope = jnp.ones((), s.dtype)
        if self.sight.softcap is not None:
            capped = jnp.tanh(s / self.sight.softcap)
            s, slope = self.sight.softcap * capped, 1 - capped * capped
        seen = self.seen(part, i)
        return (s if seen is None else jnp.where(seen, s, -jnp.inf)), slope

    def thinned(self, part: Part, i: Array | int, p: Array) -> Array:
        """p after dropout, whose mask follows from the block."""
        if self.key is None:
            return p
        own, rate = jax.random.fold_in(self.key, part.first + i * part.size), self.sight.rate
        return jnp.where(keep_mask(own, rate, p.shape), p / ((1 - rate) or 1), 0)

    def forward(self, part: Part, i: Array | int, carry: tuple[()]) -> Any:
        s, _ = self.scores(part, i)
        m = lax.stop_gradient(s.max(0, initial=-jnp.inf))
        m = jnp.where(m == -jnp.inf, 0, m)
        e = jnp.exp(s - m[None])
        total = e.sum(0)
        some = total > 0
        total = jnp.where(some, total, 1)
        o = (self.thinned(part, i, e).T @ self.keys(part, i, self.v)) / total[:, None]
        return (o, jnp.where(some, m + jnp.log(total), jnp.inf)), carry

    def backward(
        self, lse: Array, along: Array, do: Array, part: Part, i: Array | int, sums: Any
    ) -> Any:
        lse, along, do, q = (self.rows(part, i, each) for each in (lse, along, do, self.q))
        s, slope = self.scores(part, i)
        p = jnp.exp(s - lse[None])
        dv = self.thinned(part, i, p) @ do
        dp = self.thinned(part, i, self.keys(part, i, self.v) @ do.T)
        ds = p * (dp - along[None]) * slope
        start = self.start(part, i)

        def added(total: Array, d: Array) -> Array:
            own = lax.dynamic_slice_in_dim(total, start, part.keys)
            return lax.dynamic_update_slice_in_dim(total, own + d, start, 0)

        dk_dv = added(sums[0], ds @ q), added(sums[1], dv)
        return ds.T @ self.keys(part, i, self.k), dk_dv


def _over(part: Part, of_block: Callable[..., Any], carry: Any = None) -> Any:
    """The rows of a part's blocks, one block after the other, and the carry at the end.

    Without a carry, the rows alone."""
    if part.blocks == 1:
        out, end = of_block(part, 0, carry)
    else:

        def step(carry: Any, i: Array) -> tuple[Any, Any]:
            out, carry = of_block(part, i, carry)
            return carry, out

        end, out = lax.scan(step, carry, jnp.arange(part.blocks))
        out = jax.tree.map(lambda each: each.reshape(-1, *each.shape[2:]), out)
    return out if carry is None else (out, end)


def _over_pairs(of_pair: Callable[..., Any], scores: int, *arrays: Array) -> Any:
    """of_pair(number, *arrays) for each pair, on a CPU one after the other in two loops."""
    numbers = jnp.arange(len(arrays[0]))
    together = jax.vmap(of_pair)
    if scores <= TOGETHER or not len(arrays[0]):
        return together(numbers, *arrays)

    def in_turn(*arrays: Array) -> Any:
        return over_blocks(lambda *each: ((), of_pair(*each)), *arrays)[1]

    return lax.platform_dependent(numbers, *arrays, cpu=in_turn, default=together)


def _own_key(key: PRNGKey | None, number: Array, pairs: int) -> PRNGKey | None:
    """The key of the pair of this number, among so many here."""
    return None if key is None else jax.random.fold_in(key, place_of(number, pairs))


def _of_example(visible: Array | None, number: Array, pairs: int) -> Array | None:
    """What the pair of this number sees: pairs of one example follow each other."""
    if visible is None:
        return None
    return lax.dynamic_index_in_dim(visible, number // (pairs // len(visible)), keepdims=False)
