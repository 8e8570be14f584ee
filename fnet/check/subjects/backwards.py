"""How a backward pass is called: (dout, cache), (cache, dout), (dout1, dout2, cache), …"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from fnet.check.subjects.calls import (
    accepts,
    alike,
    drawn,
    is_cache,
    is_cotangent,
    named_as,
    required,
)
from fnet.check.subjects.subject import Pair
from fnet.check.truth.arguments import copied, of_arrays
from fnet.check.truth.functions import like, name_of
from fnet.errors import ConfigurationError


def split(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward pass that returns y1, y2, …, cache, as one that returns ((y1, y2, …), cache)."""

    @named_as(forward)
    def of_two(*arguments: Any) -> Any:
        *outs, cache = forward(*arguments)
        return tuple(outs), cache

    return of_two


def first_of(forward: Callable[..., Any], count: int) -> Callable[..., Any]:
    """A forward pass with its first outputs alone."""

    @named_as(forward)
    def of_few(*arguments: Any) -> Any:
        outs, cache = forward(*arguments)
        return outs[:count] if count > 1 else outs[0], cache

    return of_few


class Way(NamedTuple):
    """A backward pass of (dout, cache), what it returns, and of how many outputs, if not all."""

    way: Callable[[Any, Any], Any]
    outs: int | None = None
    gradients: Any = None


def ways(backward: Callable[..., Any], out: Any, cache: Any) -> Iterator[Way]:
    """The ways in which it may be called, the usual ones first."""

    @named_as(backward)
    def cache_first(dout: Any, cache: Any) -> Any:
        return backward(cache, dout)

    @named_as(backward)
    def spread(dout: Any, cache: Any) -> Any:
        return backward(dout, *cache)

    @named_as(backward)
    def spread_first(dout: Any, cache: Any) -> Any:
        return backward(*cache, dout)

    @named_as(backward)
    def of_dout(dout: Any, cache: Any) -> Any:
        return backward(dout)

    if accepts(backward, 2):
        names = required(backward)[:2]
        roles = [(is_cotangent(name), is_cache(name)) for name in names]
        swapped = len(roles) == 2 and (
            roles[0][1] > roles[1][1] or (roles[1][0] > roles[0][0] and not roles[1][1])
        )
        yield from map(Way, (cache_first, backward) if swapped else (backward, cache_first))
    several = len(out) if isinstance(out, tuple) else 0
    for count in range(several, 0, -1):
        if accepts(backward, count + 1):
            for way in _of_some(backward, count):
                yield Way(way, count if count < several else None)
    if isinstance(cache, tuple) and accepts(backward, 1 + len(cache)):
        first = is_cotangent((required(backward) or ["d"])[0])
        yield from map(Way, (spread, spread_first) if first else (spread_first, spread))
    if cache is None and accepts(backward, 1):
        yield Way(of_dout)


def _of_some(backward: Callable[..., Any], count: int) -> Iterator[Callable[[Any, Any], Any]]:
    """Called with the cotangents of the first outputs, one by one."""

    def of(dout: Any) -> Any:
        return dout[:count] if isinstance(dout, tuple) else (dout,)

    @named_as(backward)
    def cotangents_first(dout: Any, cache: Any) -> Any:
        return backward(*of(dout), cache)

    @named_as(backward)
    def cache_first(dout: Any, cache: Any) -> Any:
        return backward(cache, *of(dout))

    yield cotangents_first
    yield cache_first


def usual_gradients(pair: Pair, arguments: tuple[Any, ...]) -> Any | None:
    """The shapes of the gradients where JAX traces forward -> (out, cache) and, by the names of
    its parameters, backward(dout, cache); None elsewhere. Nothing is run: what functions keep
    from their first call would change what they return later."""

    def gradients(*arguments: Any) -> Any:
        out, cache = pair.forward(*arguments)
        return pair.backward(like(out), cache)

    names = required(pair.backward)
    if len(names) != 2 or is_cache(names[0]) or not (is_cotangent(names[0]) or is_cache(names[1])):
        return None
    only, arrays = of_arrays(gradients, arguments)
    try:
        return jax.eval_shape(only, *arrays)
    except Exception:  # of any kind: it is run instead
        return None


def as_called(pair: Pair, out: Any, cache: Any, fit: Callable[[Any], bool], sure: bool) -> Way:
    """The way to call the backward pass: the first whose gradients fit. If `sure`, the usual way
    is not refused where another fits as well."""
    found: list[Way] = []
    other: list[Way] = []  # their gradients do not fit, which may be the mistake
    errors: list[Exception] = []
    for each in ways(pair.backward, out, cache):
        try:
            each = each._replace(gradients=each.way(drawn(out), copied(cache)))
        except Exception as error:
            errors.append(error)
            continue
        (found if fit(each.gradients) else other).append(each)
        if found and _is_named(pair.backward):
            break
    if len(found) > 1:
        found = _decided(found, pair, out, cache, sure)
    if found or other:
        return (found or other)[0]
    if errors:
        raise errors[0]
    raise ConfigurationError(
        f"{name_of(pair.backward)} takes {', '.join(required(pair.backward)) or 'nothing'}, and "
        f"must take dout and the cache:\n{LINES}"
    )


def _is_named(backward: Callable[..., Any]) -> bool:
    """Whether the names of its parameters tell which is which."""
    names = required(backward)[:2]
    return len(names) == 2 and is_cotangent(names[0]) != is_cotangent(names[1])


def _decided(found: list[Way], pair: Pair, out: Any, cache: Any, sure: bool) -> list[Way]:
    """Of ways that run alike: those whose results are linear in dout; the first if they agree."""
    first, *others = found
    if all(alike(first.gradients, other.gradients) for other in others):
        return [first]
    linear = [each for each in found if _is_linear(each, out, cache)]
    if len(linear) == len(found) and not sure:
        raise ConfigurationError(
            f"{name_of(pair.backward)} runs as (dout, cache) and as (cache, dout), with different "
            f"results; say which:\n{LINES}"
        )
    return linear or [first]


def _is_linear(each: Way, out: Any, cache: Any) -> bool:
    twice = each.way(jax.tree.map(lambda d: 2 * d, drawn(out)), copied(cache))
    return alike(twice, jax.tree.map(lambda g: 2 * g, each.gradients))


FEW = "the backward pass takes the gradients of the first outputs: the others are left out"

LINES = """\
  from fnet.check import Pair, check_gradients
  check_gradients(Pair(forward, lambda dout, cache: backward(dout, cache)), x, w)
  # forward(x, w) -> out, cache"""
