"""Everything that is right and must never be called wrong."""

import zlib

import numpy as np

from fnet.check import explain
from tests.correct import courses, elementwise, library, products, reductions, structured
from tests.correct.entries import Entry

MODULES = (elementwise, reductions, products, structured, courses, library)
ENTRIES = {entry.name: entry for module in MODULES for entry in module.ENTRIES}


def drawn(entry: Entry, number: int):
    """The arguments of a draw, the same ones each time."""
    rng = np.random.default_rng([zlib.crc32(entry.name.encode()), number])
    return entry.draw(rng)


def examined(entry: Entry, number: int):
    """What `explain` says of a draw."""
    return explain(entry.subject, *drawn(entry, number), seed=number, limit=600)
