"""GSTools: normalizers of fields, with their derivatives."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "gstools"


def cases() -> Iterator[Case]:
    from gstools import normalizer as of

    rng = np.random.default_rng(65)
    positive, real = rng.gamma(2.0, size=6), rng.normal(size=6)
    made = (
        ("LogNormal", "", of.LogNormal(), positive),
        ("BoxCox", "", of.BoxCox(lmbda=0.4), positive),
        ("BoxCox", "logarithm", of.BoxCox(lmbda=0), positive),
        ("BoxCox", "negative", of.BoxCox(lmbda=-0.7), positive),
        ("BoxCoxShift", "", of.BoxCoxShift(lmbda=0.4, shift=1.2), positive - 0.5),
        ("BoxCoxShift", "logarithm", of.BoxCoxShift(lmbda=0, shift=1.2), positive - 0.5),
        ("YeoJohnson", "", of.YeoJohnson(lmbda=0.4), real),
        ("YeoJohnson", "logarithm", of.YeoJohnson(lmbda=0), real),
        ("YeoJohnson", "two", of.YeoJohnson(lmbda=2), real),
        ("Modulus", "", of.Modulus(lmbda=0.4), real),
        ("Modulus", "logarithm", of.Modulus(lmbda=0), real),
        ("Manly", "", of.Manly(lmbda=0.4), real),
        ("Manly", "straight", of.Manly(lmbda=0), real),
    )
    for name, label, one, at in made:
        pair = elementwise(one.normalize, one.derivative)
        yield Case(PACKAGE, f"normalizer.{name}.derivative", pair, (at,), label)
