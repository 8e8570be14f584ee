"""A fixture for pytest: pytest -p fnet.check.plugin, or pytest_plugins in conftest.py.

>>> import numpy as np
>>> from fnet.check import ValueAndGrad
>>> def test_squares(gradient_check):
...     gradient_check(ValueAndGrad(lambda w: (w @ w, 2 * w)), np.array([1.0, 3.0]))
"""

from collections.abc import Callable
from typing import Any

import pytest

from fnet.check.examine import explain
from fnet.check.report import Report
from fnet.errors import FnetError


@pytest.fixture
def gradient_check() -> Callable[..., Report]:
    """`check_gradients`, with its options; a failing test shows the report alone."""

    def check(subject: Any, *arguments: Any, **options: Any) -> Report:
        __tracebackhide__ = True
        try:
            report = explain(subject, *arguments, **options)
        except FnetError as error:
            pytest.fail(str(error), pytrace=False)
        if not report.right:
            pytest.fail(str(report), pytrace=False)
        return report

    return check
