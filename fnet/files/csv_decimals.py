"""Decimal numbers from bytes, many at once, each the float64 nearest to what is written.

Eight digits are one integer of 64 bits: pairs are added, then pairs of pairs (Lemire 2018, "Quickly
parsing eight digits"). A number with up to 19 digits is m / 10^k with whole m and k, 10^k exact:

    m < 2^53:   one division, which rounds once (Clinger 1990)
    otherwise:  q = m / 10^k rounded; the rest r = m − q 10^k exactly (Dekker 1971); q + r / 10^k

The last sum rounds once, too, unless it lies so near the middle of two floats that the error of
r / 10^k could matter. Those, and whatever else is written, are left to Python.
"""

import numpy as np

BEFORE = 8  # bytes that must stand before the first cell
_POWERS = 10.0 ** np.arange(23)  # exact in float64
_WHOLE_POWERS = 10 ** np.arange(20, dtype=np.uint64)
_DIGITS = 19  # of the largest m that 64 bits hold in any case
_U = np.uint64
_ZEROS, _HIGH, _SIX = _U(0x3030303030303030), _U(0xF0F0F0F0F0F0F0F0), _U(0x0606060606060606)
_EACH, _FIRST, _SECOND = _U(0x000000FF000000FF), _U(0x000F424000000064), _U(0x0000271000000001)
_KEPT = np.array([0, *(2**64 - 2 ** (64 - 8 * n) for n in range(1, 9))], np.uint64)  # last n bytes
_THREES = _U(0x3333333333333333)
_SPLIT = 2.0**27 + 1


def decimals(
    data: np.ndarray, first: np.ndarray, last: np.ndarray, point: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers written in data[first:last], and where that is what they are.

    `point` is the place of the decimal point, −1 where there is none and −2 where there are
    several. `data` are bytes, of which `BEFORE` stand before any cell.

    >>> data = np.frombuffer(b"        -12.50,7,x", np.uint8)
    >>> values, good = decimals(data, *np.array([[8, 15, 17], [14, 16, 18], [11, -1, -1]]))
    >>> values[good].tolist(), good.tolist()
    ([-12.5, 7.0], [True, True, False])
    """
    sign = data[np.minimum(first, len(data) - 1)]
    negative = sign == ord("-")
    first = first + (negative | (sign == ord("+")))
    split = np.where(point < 0, last, point)
    head, tail = split - first, np.where(point < 0, 0, last - split - 1)
    good = (point > -2) & (head >= 0) & (head + tail > 0) & (head + tail <= _DIGITS)
    tail[~good] = 0
    longest = int(np.max(head + tail, where=good, initial=0))
    eight = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))
    if longest < 8:
        whole = _joined(eight, last, head, tail, good)
    elif tail.any():
        whole = _run(eight, split, head, good) * _WHOLE_POWERS[tail]
        whole += _run(eight, last, tail, good)
    else:
        whole = _run(eight, last, head, good)
    values = whole.astype(np.float64)
    if tail.any():
        values /= _POWERS[tail]
        long = np.flatnonzero(good & (whole >= _U(2**53))) if longest > 15 else ()
        if len(long):
            values[long], good[long] = _divided(whole[long], _POWERS[tail[long]])
    return np.negative(values, out=values, where=negative), good


def _run(eight: np.ndarray, end: np.ndarray, count: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The digits before `end` as one number; false in `good` where they are not all digits."""
    total = np.zeros(len(end), np.uint64)
    most = int(np.max(count, where=good, initial=0))
    for done in range(0, most, 8):
        places = np.maximum(end - (done + 8), 0)
        keep = _KEPT[np.clip(count - done, 0, 8)]
        total += _summed(eight[places], keep, good) * _WHOLE_POWERS[done]
    return total


def _joined(
    eight: np.ndarray, last: np.ndarray, head: np.ndarray, tail: np.ndarray, good: np.ndarray
) -> np.ndarray:
    """Up to seven digits, with a point among them that is passed over."""
    bytes_ = eight[np.maximum(last - 8, 0)]
    behind = _KEPT[tail]
    before = (bytes_ << _U(8)) & ~behind
    digits = np.where(tail > 0, (bytes_ & behind) | before, bytes_)
    return _summed(digits, _KEPT[np.clip(head + tail, 0, 8)], good)


def _summed(digits: np.ndarray, keep: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The number of the eight digits that are kept; false in `good` where not all are digits."""
    digits = (digits & keep) | (_ZEROS & ~keep)
    good &= ((digits & _HIGH) | (((digits + _SIX) & _HIGH) >> _U(4))) == _THREES
    digits -= _ZEROS
    digits = digits * _U(10) + (digits >> _U(8))
    upper, lower = (digits & _EACH) * _FIRST, ((digits >> _U(16)) & _EACH) * _SECOND
    return (upper + lower) >> _U(32)


def _divided(m: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m / power rounded once, and where that is certain."""
    high = (m & ~_U(2047)).astype(np.float64)  # exact, and so is the rest
    low = (m & _U(2047)).astype(np.float64)
    quotient = (high + low) / power
    product = quotient * power
    (a, b), (c, d) = _halves(quotient), _halves(power)
    error = ((a * c - product) + a * d + b * c) + b * d
    rest = ((high - product) - error + low) / power
    value = quotient + rest
    left = np.abs(rest - (value - quotient))
    half = 0.5 * np.spacing(value)
    return value, np.abs(left - half) > 1e-6 * half


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x as a sum of two floats of 26 bits, whose products are exact."""
    c = _SPLIT * x
    high = c - (c - x)
    return high, x - high
