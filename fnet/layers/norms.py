"""Norms that never mix the rows of a batch: layer, RMS, group and instance normalisation."""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, by_itself, layer
from fnet.core.expect import (
    require,
    require_bool,
    require_floating,
    require_key_and_shape,
    require_number,
    require_one_array,
    require_whole,
)
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.layers import groups as by_group
from fnet.layers import rows as by_row


class Norm(NamedTuple):
    """The parameters of a norm, γ and β, and their gradients; None where there is none.

    >>> import jax
    >>> params, _ = layer_norm(bias=False).init(jax.random.key(0), (3,))
    >>> params.scale.tolist(), params.bias
    ([1.0, 1.0, 1.0], None)
    """

    scale: Array | None
    bias: Array | None


@constructor
def layer_norm(
    axes: int | tuple[int, ...] = -1, *, eps: float = 1e-5, scale: bool = True, bias: bool = True
) -> Layer:
    """Each example less its mean, divided by its standard deviation: over the last axis, or `axes`.

        x̂  = (x − μ) / s                 μ = mean x   s = √(mean (x − μ)² + ε)
        y  = γ x̂ + β                     dγ = Σ dy x̂   dβ = Σ dy
        dx = (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂)) / s       dx̂ = γ dy

    x, y and dx have one shape, (N, d1, ..., dk). Means are over `axes`, counted from the back, or
    from the batch axis, which is number 0 and never among them; γ (initially 1, left out where
    `scale` is False) and β (0, `bias`) have the sizes of these axes, and the sums are over all
    others. Sums are taken in float32 or wider, of x less its first entry, so that a mean of 10⁴
    beside a spread of 0.1 is harmless; a constant row gives β, and a finite gradient.

    Cache: x, and of each row μ and 1/s in float32 or wider. Raises ConfigurationError unless eps is
    above 0, and ShapeError for axes that x does not have.
    Source: Ba et al. (2016), Layer Normalization, equation 4.

    >>> import jax
    >>> x = jax.numpy.array([[9999.0, 10001.0]])
    >>> params, _ = layer_norm().init(jax.random.key(0), (2,))
    >>> layer_norm().apply(params, x).round(3).tolist()
    [[-1.0, 1.0]]
    """
    return _over_axes("layer_norm", axes, eps, scale, bias, centred=True)


@constructor
def rms_norm(axes: int | tuple[int, ...] = -1, *, eps: float = 1e-6, scale: bool = True) -> Layer:
    """Each example divided by its root mean square: over the last axis, or `axes`.

        x̂  = x / s                       s = √(mean x² + ε)
        y  = γ x̂                         dγ = Σ dy x̂
        dx = (dx̂ − x̂ mean(dx̂ x̂)) / s     dx̂ = γ dy

    Shapes, `axes`, `scale`, dtypes and errors are those of `layer_norm`. A row of zeros stays one,
    with a finite gradient. Cache: x, and 1/s of each row.
    Source: Zhang & Sennrich (2019), Root Mean Square Layer Normalization, equation 4.

    >>> import jax
    >>> params, _ = rms_norm().init(jax.random.key(0), (2,))
    >>> rms_norm().apply(params, jax.numpy.array([[3.0, -3.0]])).round(3).tolist()
    [[1.0, -1.0]]
    """
    return _over_axes("rms_norm", axes, eps, scale, False, centred=False)


@constructor
def group_norm(groups: int, *, eps: float = 1e-5, scale: bool = True, bias: bool = True) -> Layer:
    """Each example's groups of channels less their mean, divided by their standard deviation.

        x̂  = (x − μ) / s                 μ = mean x   s = √(mean (x − μ)² + ε)
        y  = γ x̂ + β                     dγ = Σ dy x̂   dβ = Σ dy
        dx = (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂)) / s       dx̂ = γ dy

    x, y and dx have one shape, (N, d1, ..., dk, C); γ and β: (C,). Means are over d1, ..., dk and
    the C / `groups` channels of a group, which are neighbours; sums over all axes but the last.
    They are taken as in `layer_norm`, which also says what `scale` and `bias` are.

    Cache: x, and of each group μ and 1/s. Raises ConfigurationError for arguments out of range, and
    ShapeError where the channels cannot be divided into so many groups.
    Source: Wu & He (2018), Group Normalization, equations 1 to 7.

    >>> import jax
    >>> params, _ = group_norm(2).init(jax.random.key(0), (4,))
    >>> group_norm(2).apply(params, jax.numpy.array([[1.0, 3.0, 30.0, 10.0]])).round(3).tolist()
    [[-1.0, 1.0, 1.0, -1.0]]
    """
    require_whole("group_norm: groups", groups, least=1)
    return _over_space("group_norm", groups, eps, scale, bias)


@constructor
def instance_norm(*, eps: float = 1e-5, scale: bool = True, bias: bool = True) -> Layer:
    """Each channel of each example less its mean, divided by its standard deviation.

        x̂  = (x − μ) / s                 μ = mean x   s = √(mean (x − μ)² + ε)
        y  = γ x̂ + β                     dγ = Σ dy x̂   dβ = Σ dy
        dx = (dx̂ − mean dx̂ − x̂ mean(dx̂ x̂)) / s       dx̂ = γ dy

    x, y and dx have one shape, (N, d1, ..., dk, C); γ and β: (C,). Means are over d1, ..., dk. It
    is `group_norm` with one group per channel; cache and errors are the same. (PyTorch has neither
    γ nor β here unless it is asked to.)
    Source: Ulyanov et al. (2016), Instance Normalization, equation 2.

    >>> import jax
    >>> params, _ = instance_norm().init(jax.random.key(0), (2, 1))
    >>> instance_norm().apply(params, jax.numpy.array([[[1.0], [3.0]]])).round(3).tolist()
    [[[-1.0], [1.0]]]
    """
    return _over_space("instance_norm", None, eps, scale, bias)


def require_flags(name: str, eps: Any, scale: Any, bias: Any) -> None:
    """Raise ConfigurationError unless eps is above 0 and the others are True or False."""
    require_number(f"{name}: eps", eps, above=0)
    require_bool(f"{name}: scale", scale)
    require_bool(f"{name}: bias", bias)


def begin(sizes: tuple[int, ...], scale: bool, bias: bool) -> Norm:
    """γ = 1 and β = 0; ShapeError where they have no entries."""
    require(0 not in sizes, f"a norm over axes of sizes {sizes} has nothing to normalise")
    return Norm(jnp.ones(sizes) if scale else None, jnp.zeros(sizes) if bias else None)


def gradient(params: Norm, dscale: Array, dbias: Array) -> Norm:
    """The gradients of those parameters that there are, in their shapes and dtypes."""
    pairs = zip(params, (dscale, dbias), strict=True)
    return Norm(*(None if p is None else d.reshape(p.shape).astype(p.dtype) for p, d in pairs))


def _over_axes(name: str, axes: Any, eps: Any, scale: Any, bias: Any, centred: bool) -> Layer:
    require_flags(name, eps, scale, bias)
    for axis in axes if isinstance(axes, tuple) else (axes,):
        require_whole(f"{name}: axes", axis, least=-32)
    if axes == ():
        raise ConfigurationError(f"{name}: axes is (); give at least one")

    def init(key: PRNGKey, shape: Shape) -> tuple[Norm, Shape]:
        require_key_and_shape(key, shape)
        require_one_array(name, shape)
        places = _places(name, axes, len(shape) + 1)
        return begin(tuple(shape[place - 1] for place in places), scale, bias), shape

    def as_rows(x: Array) -> Array:
        """x with the axes that are normalised as its last one."""
        places = _places(name, axes, x.ndim)
        last = tuple(range(-len(places), 0))
        x = jnp.moveaxis(x, places, last)
        return x.reshape(math.prod(x.shape[: -len(last)]), math.prod(x.shape[-len(last) :]))

    def as_given(rows: Array, shape: tuple[int, ...]) -> Array:
        places = _places(name, axes, len(shape))
        kept = [size for place, size in enumerate(shape) if place not in places]
        moved = rows.reshape(*kept, *(shape[place] for place in places))
        return jnp.moveaxis(moved, tuple(range(-len(places), 0)), places)

    def forward(params: Norm, x: Array, key: PRNGKey | None = None) -> tuple[Array, Any]:
        require_input(name, x)
        y, moments = by_row.normalized(as_rows(x), *_flat(params), eps, centred)
        return as_given(y, x.shape), (x, moments)

    def backward(params: Norm, cache: Any, dy: Array) -> tuple[Norm, Array]:
        x, moments = cache
        rows, scale = as_rows(x), _flat(params)[0]
        dx, dscale, dbias = by_row.gradients(rows, moments, scale, as_rows(dy))
        return gradient(params, dscale, dbias), as_given(dx, x.shape)

    stream = by_itself(forward) if axes in (-1, (-1,)) else None
    return layer(init, forward, backward, stream=stream)


def _flat(params: Norm) -> tuple[Array | None, Array | None]:
    scale, bias = (None if p is None else p.ravel() for p in params)
    return scale, bias


def _places(name: str, axes: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The axes of an array of this rank, counted from its batch axis."""
    given = axes if isinstance(axes, tuple) else (axes,)
    places = tuple(axis + rank if axis < 0 else axis for axis in given)
    fits = all(0 < place < rank for place in places) and len(set(places)) == len(places)
    require(
        fits,
        f"{name}: axes is {axes}, and x has the batch axis 0 and {rank - 1} more; give different "
        "ones of these, without the batch axis",
    )
    return places


def require_input(name: str, x: Any) -> None:
    """Raise ShapeError unless x is a batch of floating point numbers."""
    require_floating(f"{name}: x", x, ": convert it, or rescale images by fnet.data.rescale")
    require(x.ndim > 1, f"{name}: x is {x.shape}; a single example is a batch of one: x[None]")


def _over_space(name: str, groups: int | None, eps: Any, scale: Any, bias: Any) -> Layer:
    require_flags(name, eps, scale, bias)

    def init(key: PRNGKey, shape: Shape) -> tuple[Norm, Shape]:
        require_key_and_shape(key, shape)
        require_one_array(name, shape)
        number_of(tuple(shape))
        return begin(shape[-1:], scale, bias), shape

    def number_of(shape: tuple[int, ...]) -> int:
        """How many groups there are for an example of this shape."""
        require(0 not in shape, f"{name}: an example is {shape}, without numbers to normalise")
        if groups is None:
            require(
                len(shape) > 1,
                f"{name}: an example is {shape}; it takes axes between batch and channels",
            )
            return int(shape[-1])
        require(
            len(shape) > 0 and shape[-1] % groups == 0,
            f"{name}: an example is {shape}; its channels must be a multiple of {groups} groups",
        )
        return groups

    def forward(params: Norm, x: Array, key: PRNGKey | None = None) -> tuple[Array, Any]:
        require_input(name, x)
        y, moments = by_group.normalized(places(x), *params, number_of(x.shape[1:]), eps)
        return y.reshape(x.shape), (x, moments)

    def backward(params: Norm, cache: Any, dy: Array) -> tuple[Norm, Array]:
        x, moments = cache
        dx, *sums = by_group.gradients(places(x), moments, params.scale, places(dy))
        return gradient(params, *sums), dx.reshape(x.shape)

    def places(x: Array) -> Array:
        return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])

    return layer(init, forward, backward)
