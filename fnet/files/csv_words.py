"""The codes of words in a column: each spelling gets a number, in the order in which they come."""

from collections.abc import Iterable

import numpy as np

SHORT = 16  # bytes of a word that is looked up without making a string of it, at most
_BITS = 12  # of the place of a word in the table
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that all bits of a word reach the upper ones


class Words(dict[str | bytes, int]):
    """The code of each cell, as text or as bytes; −1 where it is one of `missing`."""

    def __init__(self, missing: frozenset[str], encoding: str = "utf-8") -> None:
        self.missing, self.encoding, self.spelled = missing, encoding, dict[str, int]()
        self._keys = np.zeros((2, 2**_BITS), np.uint64)
        self._codes = np.full(2**_BITS, -1, np.int32)

    def __missing__(self, cell: str | bytes) -> int:
        word = (cell.decode(self.encoding) if isinstance(cell, bytes) else cell).strip()
        code = -1 if word in self.missing else self.spelled.setdefault(word, len(self.spelled))
        self[cell] = code
        return code

    def of(self, cells: Iterable[str | bytes], count: int) -> np.ndarray:
        """The codes of these cells."""
        return np.fromiter(map(self.__getitem__, cells), np.int32, count)

    def of_bytes(self, data: bytes, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The codes of data[first:last]; `SHORT` bytes must stand before the first.

        Short words that have come before are found in a table, by their bytes as two numbers.
        """
        if (last - first).max(initial=0) > SHORT:
            return self.of(_cells(data, first, last), len(first))
        keys = np.stack([_eight(data, first, last - 8 * half) for half in range(2)])
        with np.errstate(over="ignore"):
            place = ((keys[0] ^ (keys[1] * _MIX)) * _MIX) >> np.uint64(64 - _BITS)
        codes: np.ndarray = self._codes[place]
        other = np.flatnonzero((self._keys[:, place] != keys).any(axis=0) | (codes < 0))
        if len(other):
            found = self.of(_cells(data, first[other], last[other]), len(other))
            codes[other] = found
            self._codes[place[other]], self._keys[:, place[other]] = found, keys[:, other]
        return codes


def _cells(data: bytes, first: np.ndarray, last: np.ndarray) -> Iterable[bytes]:
    return (data[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True))


def _eight(data: bytes, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The last 8 bytes of data[first:last] as one number, 0 for those that are not there."""
    count = np.clip(last - first, 0, 8)
    words = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))[np.maximum(last - 8, 0)]
    shift = ((8 - count) * 8).astype(np.uint64)
    return np.where(count > 0, words >> (shift & np.uint64(63)), np.uint64(0))
