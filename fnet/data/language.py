"""A small formal language that fnet draws, whose best possible loss is known.

A text opens brackets of four kinds, closes the innermost, or writes a count: n times a, then as
many b. What may come next follows from what came before, however long ago: which bracket is open,
and how many a there were. A model that looks at a few characters only stays far above the optimum,
which is the entropy of the language, computed here exactly.
"""

from typing import NamedTuple

import numpy as np

from fnet.core.expect import require_whole
from fnet.data.dataset import Memory
from fnet.errors import DataError

KINDS = ("()", "<>", "[]", "{}")
ALPHABET = (*"".join(KINDS), "a", "b")
A, B = ALPHABET.index("a"), ALPHABET.index("b")
DEPTH = 4  # of brackets within each other
COUNT = 4  # of a in a row
OPEN, CLOSE = 0.4, 0.4  # probabilities between two symbols; the rest begins a count
MORE = 0.5  # the probability of another a


class _Place(NamedTuple):
    """Where each of N texts stands: its open brackets (N, DEPTH), how many they are, how many a
    stand before it, and how many b are to come."""

    kinds: np.ndarray
    depth: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def start(cls, number: int) -> "_Place":
        zeros = np.zeros((3, number), np.int64)
        return cls(np.zeros((number, DEPTH), np.int64), *zeros)

    def probabilities(self) -> np.ndarray:
        """Of each symbol to come next, (N, V)."""
        n = len(self.depth)
        p = np.zeros((n, len(ALPHABET)))
        free = (self.before == 0) & (self.after == 0)
        opens, closes, counts = shares(self.depth)
        p[:, 0 : 2 * len(KINDS) : 2] = (free * opens / len(KINDS))[:, None]
        p[np.arange(n), 2 * self._innermost() + 1] = free * closes
        more = np.where(self.before < COUNT, MORE, 0.0)
        p[:, A] = np.where(free, counts, np.where(self.before > 0, more, 0.0))
        p[:, B] = np.where(free, 0.0, np.where(self.before > 0, 1 - more, 1.0))
        return p

    def after_symbols(self, symbols: np.ndarray) -> "_Place":
        """Where the texts stand after one more symbol each."""
        rows = np.arange(len(symbols))
        bracket = symbols < 2 * len(KINDS)
        opens, closes = bracket & (symbols % 2 == 0), bracket & (symbols % 2 == 1)
        kinds = self.kinds.copy()
        kinds[rows[opens], self.depth[opens]] = symbols[opens] // 2
        # The first b tells how many are to come; each further one is one less.
        to_come = np.where(self.before > 0, self.before - 1, self.after - 1)
        return _Place(
            kinds,
            self.depth + opens - closes,
            np.where(symbols == A, self.before + 1, 0),
            np.where(symbols == B, to_come, 0),
        )

    def _innermost(self) -> np.ndarray:
        rows = np.arange(len(self.depth))
        kinds: np.ndarray = self.kinds[rows, np.maximum(self.depth - 1, 0)]
        return kinds


def shares(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The probabilities of an opening bracket, a closing one and a count, at these depths.

    Where none is open none can be closed, at the largest depth none opened: the other does both.

    >>> [[round(float(share), 2) for share in each] for each in shares(np.array([0, 2, 4]))]
    [[0.8, 0.4, 0.0], [0.0, 0.4, 0.8], [0.2, 0.2, 0.2]]
    """
    bottom, top = depth == 0, depth == DEPTH
    opens = np.where(bottom, OPEN + CLOSE, np.where(top, 0.0, OPEN))
    closes = np.where(bottom, 0.0, np.where(top, OPEN + CLOSE, CLOSE))
    return opens, closes, 1 - opens - closes


def synthetic_text(samples: int = 20_000, length: int = 64, seed: int = 0) -> Memory:
    """Texts of the formal language, each from its beginning: `length` tokens, and what comes next.

    {"tokens": (N, T), "next": (N, T)} int32, indices of `classes`, the ten characters ()<>[]{}ab.
    Next is tokens, one character later. A text is a function of seed and place: more of them begin
    with the same. The lowest loss that any model can have is `text_entropy(length)`.

    >>> texts = synthetic_text(2, length=24)
    >>> ["".join(texts.classes[token] for token in row) for row in texts.arrays["tokens"]]
    ['{[((ab){}ab(aabbab))()]}', '<ab[][]<{}>>ab<><><>aabb']
    """
    require_whole("synthetic_text: samples", samples, least=1)
    require_whole("synthetic_text: length", length, least=1)
    require_whole("synthetic_text: seed", seed, least=0)
    dice = np.random.default_rng(seed).random((samples, length + 1))
    place, tokens = _Place.start(samples), np.empty((samples, length + 1), np.int32)
    for step in range(length + 1):
        bounds = place.probabilities().cumsum(axis=1)
        # Scaled, so that a die never falls beyond the last symbol by rounding.
        thrown = dice[:, step, None] * bounds[:, -1:]
        tokens[:, step] = (thrown >= bounds).sum(axis=1)
        place = place.after_symbols(tokens[:, step])
    return Memory({"tokens": tokens[:, :-1], "next": tokens[:, 1:]}, ALPHABET)


def surprisal(texts: Memory) -> np.ndarray:
    """−ln p of each next character, given all before it: what the best possible model loses.

    (N, T) float64, for texts of `synthetic_text`; their mean is near `text_entropy`. Raises
    DataError for a text that is not of the language.

    >>> texts = synthetic_text(5000, length=16)
    >>> abs(float(surprisal(texts).mean()) - text_entropy(16)) < 0.01
    True
    """
    tokens, following = np.asarray(texts.arrays["tokens"]), np.asarray(texts.arrays["next"])
    whole = np.concatenate((tokens[:, :1], following), axis=1)
    place, rows = _Place.start(len(whole)), np.arange(len(whole))
    p = np.empty(whole.shape)
    for step, symbols in enumerate(whole.T):
        p[:, step] = place.probabilities()[rows, symbols]
        if (p[:, step] == 0).any():
            row = int(np.argmin(p[:, step]))
            raise DataError(
                f"surprisal: text {row} is not of the language: "
                f"{''.join(texts.classes[token] for token in whole[row, : step + 1])!r} cannot be "
                "followed so; give texts of synthetic_text"
            )
        place = place.after_symbols(symbols)
    result: np.ndarray = -np.log(p[:, 1:])
    return result


def text_entropy(length: int = 64) -> float:
    """The lowest expected loss of a model of `synthetic_text`: exact, in nats per character.

        H = (1/T) Σₜ πₜ · h        πₜ₊₁ = πₜ P

    πₜ is the distribution, after t characters, of what of the past matters: the number of open
    brackets and the place in a count; h is the entropy of the next character for each of these
    states, and P their transitions. Which brackets are open changes what comes next, but not its
    entropy.

    >>> round(text_entropy(64), 4)
    1.1243
    """
    require_whole("text_entropy: length", length, least=1)
    h, transitions, pi = _chain()
    total = 0.0
    for _ in range(length):
        pi = pi @ transitions
        total += float(pi @ h)
    return total / length


def _chain() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """h, P and the first π over states: a depth, and a place in a count."""
    places = [(before, 0) for before in range(COUNT + 1)] + [(0, n) for n in range(1, COUNT)]
    states = [(depth, *place) for depth in range(DEPTH + 1) for place in places]
    number = {state: index for index, state in enumerate(states)}
    h, transitions = np.zeros(len(states)), np.zeros((len(states), len(states)))
    for index, (depth, before, after) in enumerate(states):
        ways: list[tuple[float, tuple[int, int, int], int]] = []  # probability, state, symbols
        if before:
            more = MORE if before < COUNT else 0.0
            ways = [(more, (depth, before + 1, 0), 1), (1 - more, (depth, 0, before - 1), 1)]
        elif after:
            ways = [(1.0, (depth, 0, after - 1), 1)]
        else:
            opens, closes, counts = (float(share) for share in shares(np.array(depth)))
            ways = [
                (opens, (depth + 1, 0, 0), len(KINDS)),
                (closes, (depth - 1, 0, 0), 1),
                (counts, (depth, 1, 0), 1),
            ]
        for p, state, symbols in ways:
            if p > 0:
                transitions[index, number[state]] += p
                h[index] -= p * np.log(p / symbols)
    first = np.zeros(len(states))
    first[number[0, 0, 0]] = 1.0
    return h, transitions, first
