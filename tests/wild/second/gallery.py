"""Mistakes in the derivatives of these packages: `python -m tests.wild.second.gallery`.

Each is confirmed by two means, as in `tests.wild.gallery`.
"""

from tests.wild.gallery import Mistake, show
from tests.wild.second import proofs

MISTAKES = (
    Mistake(
        "pvlib",
        "0.16.1",
        "pvlib.singlediode.bishop88",
        "With a breakdown, the derivative of (1 - V/Vb)^(-m) by V lacks the factor -1/Vb.",
        "it agrees without a breakdown, and disagrees with one at every voltage but 0",
        ("bishop88", "breakdown"),
        proofs.breakdown,
    ),
    Mistake(
        "mygrad",
        "2.5.0",
        "mygrad.linalg.norm",
        "The gradient at zeros is NaN, though nan_to_num=True, the default, promises zeros: what "
        "is not a number is left as it is, and with False more is made so.",
        "all entries are not numbers where the norm has a kink",
        ("linalg.norm", "zeros"),
        proofs.norm_of_zeros,
    ),
    Mistake(
        "neurolab",
        "0.3.5",
        "neurolab.trans.SatLinPrm",
        "The derivative is 1 between the bounds, where the function is k x.",
        "half of what it must be for a slope of 1/2; with a slope of 1 all agrees",
        ("trans.SatLinPrm", ""),
        proofs.slope,
    ),
)


if __name__ == "__main__":
    show(MISTAKES)
