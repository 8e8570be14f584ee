"""Where a function is meant to be called: the domain of each argument, given or inferred.

A probability, a scale, a covariance has a domain, and outside of it a function may return anything.
What nobody states is inferred from the given array: signs, the unit interval, rows that sum to one,
symmetry, positive definiteness. Points that the checker invents stay inside.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fnet.check import thresholds
from fnet.errors import ConfigurationError


class Domain(NamedTuple):
    """The entries' bounds, and what the rows or the matrices are.

    `low` and `high` are excluded where `open`. The rows of a `simplex` sum to one; of a `symmetric`
    matrix the last two axes are exchangeable; `definite` adds that all eigenvalues are positive.
    `points` are arrays to examine besides the given one, and `sample(rng)` draws further ones.
    """

    low: float = -np.inf
    high: float = np.inf
    open: bool = False
    simplex: bool = False
    symmetric: bool = False
    definite: bool = False
    points: tuple[np.ndarray, ...] = ()
    sample: Callable[[np.random.Generator], Any] | None = None

    def has(self, array: np.ndarray) -> bool:
        """Whether this array is inside."""
        if self.open:
            inside = (array > self.low) & (array < self.high)
        else:
            inside = (array >= self.low) & (array <= self.high)
        if not inside.all():
            return False
        if self.simplex and not np.allclose(array.sum(-1), 1, rtol=0, atol=thresholds.SUMMED):
            return False
        if self.symmetric and not _is_symmetric(array):
            return False
        return not self.definite or _is_definite(array)

    def into(self, array: np.ndarray) -> np.ndarray:
        """The array moved inside, except that it need not become definite."""
        low, high = self.low, self.high
        if self.open and np.isfinite(high - low):
            inset = thresholds.INSIDE * (high - low)
            low, high = low + inset, high - inset
        elif self.open:
            low, high = np.nextafter(low, np.inf), np.nextafter(high, -np.inf)
        moved: np.ndarray = np.clip(array, low, high)
        if self.symmetric:
            moved = (moved + np.swapaxes(moved, -1, -2)) / 2
        if self.simplex:
            total = moved.sum(-1, keepdims=True)
            moved = np.divide(moved, total, out=moved.copy(), where=total != 0)
        return moved

    @property
    def linear(self) -> bool:
        """Whether entries depend on each other, so that single ones cannot be moved."""
        return self.simplex or self.symmetric

    def along(self, array: np.ndarray) -> np.ndarray:
        """The part of a direction, or of a gradient, along which the domain extends."""
        if self.symmetric:
            array = (array + np.swapaxes(array, -1, -2)) / 2
        if self.simplex:
            array = array - array.mean(-1, keepdims=True)
        return array


REALS = Domain()
NAMED = {
    "real": REALS,
    "positive": Domain(0.0, open=True),
    "nonnegative": Domain(0.0),
    "negative": Domain(high=0.0, open=True),
    "probability": Domain(0.0, 1.0, open=True),
    "simplex": Domain(0.0, 1.0, simplex=True),
    "symmetric": Domain(symmetric=True),
    "positive definite": Domain(symmetric=True, definite=True),
}


def inferred(array: np.ndarray) -> Domain:
    """The domain that an array shows."""
    if not array.size:
        return REALS
    if not (array == array.flat[0]).all() and _is_symmetric(array):
        return Domain(symmetric=True, definite=_is_definite(array))
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1 and (low < high or 0 < low < 1):
        sums = array.ndim > 0 and array.shape[-1] > 1
        simplex = sums and bool(np.allclose(array.sum(-1), 1, rtol=0, atol=thresholds.SUMMED))
        return Domain(0.0, 1.0, open=low > 0 and high < 1, simplex=simplex)
    if low > 0 or (low == 0 and high > 0):
        return Domain(0.0, open=low > 0)
    if high < 0 or (high == 0 and low < 0):
        return Domain(high=0.0, open=high < 0)
    return REALS


def stated(name: str, given: Any) -> Domain:
    """The domain that a user states for an argument."""
    if isinstance(given, Domain):
        return given
    if isinstance(given, str) and given in NAMED:
        return NAMED[given]
    if callable(given):
        return Domain(sample=given)
    if isinstance(given, tuple) and len(given) == 2 and all(map(_is_bound, given)):
        low, high = (-np.inf if given[0] is None else given[0]), given[1]
        high = np.inf if high is None else high
        if low < high:
            return Domain(float(low), float(high))
    if isinstance(given, list) and given:
        return Domain(points=tuple(np.asarray(point, np.float64) for point in given))
    raise ConfigurationError(
        f"the domain of {name} is {given!r}; give one of {', '.join(NAMED)}; or (low, high), where "
        "None is unbounded; or a list of arrays; or a function of a numpy Generator that draws one"
    )


def domains_of(
    names: Sequence[str], arrays: Sequence[np.ndarray], given: Mapping[str, Any] | Any
) -> tuple[Domain, ...]:
    """The domain of each array: as stated for it or its argument, or as inferred."""
    stating = given if isinstance(given, Mapping) else {}
    if given is not None and not isinstance(given, Mapping):
        stating = dict.fromkeys((argument_of(name) for name in names), given)
    known = {*names, *map(argument_of, names)}
    for name in stating:
        if name not in known:
            raise ConfigurationError(
                f"domain names {name!r}, which is not a differentiated argument; these are "
                f"{', '.join(dict.fromkeys(map(argument_of, names)))}"
            )
    found = []
    for name, array in zip(names, arrays, strict=True):
        of = stating.get(name, stating.get(argument_of(name)))
        domain = inferred(array) if of is None else stated(name, of)
        if of is not None and not domain.has(array):
            raise ConfigurationError(
                f"{name} is not in the domain that is stated for it, {of!r}; give another array"
            )
        found.append(domain)
    return tuple(found)


def argument_of(name: str) -> str:
    """The argument that contains an array: params for params.w or params[0]."""
    return name.split(".")[0].split("[")[0]


def _is_bound(value: Any) -> bool:
    return value is None or isinstance(value, int | float | np.number)


def _is_symmetric(array: np.ndarray) -> bool:
    square = array.ndim > 1 and array.shape[-1] == array.shape[-2] > 1
    return square and bool(
        np.allclose(array, np.swapaxes(array, -1, -2), rtol=thresholds.SYMMETRIC, atol=0)
    )


def _is_definite(array: np.ndarray) -> bool:
    values = np.linalg.eigvalsh(array)
    return bool((values > thresholds.DEFINITE * np.abs(values).max()).all())
