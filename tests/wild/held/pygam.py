"""pyGAM: links and their gradients."""

from collections.abc import Iterator

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "pygam"


def cases() -> Iterator[Case]:
    from pygam import distributions, links

    share, mean = np.array([0.05, 0.3, 0.5, 0.9]), np.array([0.2, 0.9, 1.7, 6.0])
    binomial, normal = distributions.BinomialDist(levels=3), distributions.NormalDist(scale=1.0)
    for name in ("IdentityLink", "LogitLink", "LogLink", "InverseLink", "InvSquaredLink"):
        link = getattr(links, name)()
        of, at = (binomial, 3 * share) if name == "LogitLink" else (normal, mean)
        subject = elementwise(
            lambda mu, link=link, of=of: link.link(mu, of),
            lambda mu, link=link, of=of: link.gradient(mu, of),
        )
        yield Case(PACKAGE, f"{name}.gradient", subject, (at,))
        near = np.array([1e-9, 1.0])
        yield Case(PACKAGE, f"{name}.gradient", subject, (near,), "near 0")
