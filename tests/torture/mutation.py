"""Damage to bytes as disks, networks and people do it; a function of the generator alone."""

import numpy as np

INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFF)


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    """The content after one to four of the changes below."""
    for _ in range(int(rng.integers(1, 5))):
        change = CHANGES[int(rng.integers(len(CHANGES)))]
        content = change(content, rng)
    return content


def flip_bit(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    changed = bytearray(content)
    if changed:
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def set_byte(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    value = INTERESTING[int(rng.integers(len(INTERESTING)))]
    return content[:place] + bytes([value]) + content[place + 1 :]


def noise(content: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(content, rng), int(rng.integers(1, 17))
    return content[:place] + rng.bytes(length) + content[place + length :]


def zeros(content: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(content, rng), int(rng.integers(1, 513))
    length = min(length, len(content) - place)
    return content[:place] + bytes(length) + content[place + length :]


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: _place(content, rng)]


def remove(content: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(content, rng), int(rng.integers(1, 65))
    return content[:place] + content[place + length :]


def insert(content: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(content, rng), int(rng.integers(1, 65))
    return content[:place] + rng.bytes(length) + content[place:]


def repeat(content: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(content, rng), int(rng.integers(1, 129))
    return content[: place + length] + content[place:]


def exchange(content: bytes, rng: np.random.Generator) -> bytes:
    first, second = sorted((_place(content, rng), _place(content, rng)))
    length = min(int(rng.integers(1, 33)), second - first, len(content) - second)
    a, b = content[first : first + length], content[second : second + length]
    return content[:first] + b + content[first + length : second] + a + content[second + length :]


CHANGES = (flip_bit, set_byte, noise, zeros, cut, remove, insert, repeat, exchange)


def _place(content: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(content))) if content else 0
