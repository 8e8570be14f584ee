"""The linear maps around the heads of attention, and what is between them."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

from chex import Array, PRNGKey

from fnet.core import Layer, Shape, afresh, split
from fnet.core.expect import require, require_bool, require_whole
from fnet.core.trees import widened, zeros_like
from fnet.errors import ConfigurationError
from fnet.initializers import Initializer, require_initializer
from fnet.layers.affine import Affine, affine
from fnet.layers.attending import Sight, attend, pull_back
from fnet.layers.masks import Given
from fnet.layers.sequences import require_sequence, require_sequences


class Attention(NamedTuple):
    """The parameters of `attention` and `cross_attention`, and their gradients.

    q, k, v and out are parameters of `affine`: of queries, keys, values and the output.

    >>> import jax
    >>> from fnet.layers import attention
    >>> params, _ = attention(2, kv_heads=1).init(jax.random.key(0), (7, 4))
    >>> params.q.w.shape, params.k.w.shape, params.out.w.shape
    ((4, 4), (2, 4), (4, 4))
    """

    q: Affine
    k: Affine
    v: Affine
    out: Affine


class Cache(NamedTuple):
    """memory is None where it is x; there and visible are None where all are."""

    x: Array
    memory: Array | None
    q: Array
    k: Array
    v: Array
    o: Array
    lse: Array
    given: Given
    key: PRNGKey | None


class Heads(NamedTuple):
    """The linear maps around the heads, and what is between them."""

    name: str
    heads: int
    groups: int
    width: int | None
    rope: Layer | None
    linear: Callable[[int], Layer]

    @classmethod
    def of(
        cls,
        name: str,
        heads: int,
        kv_heads: int | None,
        width: int | None,
        bias: bool,
        w_init: Initializer,
        rope: Layer | None,
    ) -> "Heads":
        require_whole(f"{name}: heads", heads, least=1)
        groups = heads if kv_heads is None else kv_heads
        require_whole(f"{name}: kv_heads", groups, least=1)
        if heads % groups:
            raise ConfigurationError(
                f"{name}: kv_heads is {groups}; it must divide the number of heads, {heads}"
            )
        if width is not None:
            require_whole(f"{name}: width", width, least=1)
        require_bool(f"{name}: bias", bias)
        require_initializer(f"{name}: w_init", w_init)
        linear = functools.partial(affine, w_init=w_init, bias=bias, axes=1)
        return cls(name, heads, groups, width, rope, linear)

    def init(self, key: PRNGKey, x: Shape, memory: Shape) -> Attention:
        for shape in (x, memory):
            require_sequence(self.name, shape)
        width = x[1] if self.width is None else self.width
        require(
            width % self.heads == 0,
            f"{self.name}: {self.heads} heads cannot share {width} numbers equally; give another "
            "number of heads, or the width of all heads together: width=...",
        )
        shared = width // self.heads * self.groups
        takes = (width, x), (shared, memory), (shared, memory), (x[1], (x[0], width))
        drawn = [
            self.linear(m).init(own, shape)[0]
            for own, (m, shape) in zip(split(key, 4), takes, strict=True)
        ]
        return Attention(*drawn)

    def check(self, params: Attention, x: Array, memory: Array) -> None:
        require(
            hasattr(params, "out"),
            f"{self.name}: params are of type {type(params).__name__}; give what init returns "
            "first, then x",
        )
        for array in (x, memory):
            require_sequences(self.name, array)
        require(
            len(x) == len(memory),
            f"{self.name}: x is {x.shape} and the memory {memory.shape}; both must have N first",
        )

    def forward(
        self,
        params: Attention,
        x: Array,
        memory: Array | None,
        given: Given,
        key: PRNGKey | None,
        sight: Sight,
    ) -> tuple[Array, Cache]:
        m = x if memory is None else memory
        key = key if sight.rate else None
        q, k, v = (
            self.linear(len(own.w)).forward(own, each)[0]
            for own, each in zip(params[:3], (x, m, m), strict=True)
        )
        q, k = self.turned(q, self.heads), self.turned(k, self.groups)
        q, k, v = self.by_head(q, self.heads), self.by_head(k), self.by_head(v)
        o, lse = attend(q, k, v, given.visible, key, sight)
        y, _ = self.linear(len(params.out.w)).forward(params.out, self.joined(o, len(x)))
        return y, Cache(x, memory, q, k, v, o, lse, given, key)

    def backward(
        self, params: Attention, cache: Cache, dy: Array, sight: Sight
    ) -> tuple[Attention, Array, Array]:
        """dparams, dx and dm, the latter two in float32 or wider."""
        cache, dy = afresh(cache, dy)
        x, memory, q, k, v, o, lse, given, key = cache
        m, n = x if memory is None else memory, len(x)
        dout, do = self.linear(len(params.out.w)).backward(params.out, self.joined(o, n), dy)
        do = self.by_head(do, self.heads)
        found = pull_back(q, k, v, o, lse, do, given.visible, key, sight)
        dq, dk, dv = (self.joined(each, n) for each in found)
        dq, dk = self.turned(dq, self.heads, back=True), self.turned(dk, self.groups, back=True)
        (of_q, dx), (of_k, dm), (of_v, more) = (
            self.linear(len(own.w)).backward(own, each, d)
            for own, each, d in zip(params[:3], (x, m, m), (dq, dk, dv), strict=True)
        )
        if self.rope is None and sight.softcap is None:
            of_k = of_k._replace(b=zeros_like(params.k.b))
        dx, dm, more = widened((dx, dm, more))
        return Attention(of_q, of_k, of_v, dout), dx, dm + more

    def turned(self, array: Array, heads: int, back: bool = False) -> Array:
        """Queries, keys or their gradients (N, T, heads d), turned by `rope`."""
        if self.rope is None:
            return array
        apart = array.reshape(*array.shape[:2], heads, array.shape[2] // heads)
        turned = self.rope.backward((), (), apart)[1] if back else self.rope.forward((), apart)[0]
        return turned.reshape(array.shape)

    def by_head(self, array: Array, heads: int | None = None) -> Array:
        """(N, T, heads d) as (N × groups, T, heads of a group, d), and keys without that axis."""
        n, steps, width = array.shape
        apart = array.reshape(n, steps, self.groups, width // self.groups).swapaxes(1, 2)
        apart = apart.reshape(n * self.groups, steps, width // self.groups)
        members = 1 if heads is None else heads // self.groups
        size = width // self.groups // members
        return apart if heads is None else apart.reshape(*apart.shape[:2], members, size)

    def joined(self, apart: Array, n: int) -> Array:
        """And back."""
        steps, members = apart.shape[1], math.prod(apart.shape[2:])
        array = apart.reshape(n, self.groups, steps, members).swapaxes(1, 2)
        return array.reshape(n, steps, self.groups * members)
