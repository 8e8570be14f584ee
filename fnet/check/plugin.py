"""A fixture for pytest: `pytest -p fnet.check.plugin`, or `pytest_plugins` in conftest.py.

def test_gelu(gradient_check):
    gradient_check(my_gelu, np.linspace(-3, 3, 7))
"""

from collections.abc import Callable
from typing import Any

import pytest

from fnet.check.examine import explain
from fnet.check.report import Report


@pytest.fixture
def gradient_check() -> Callable[..., Report]:
    """`check_gradients`, whose report alone is what a failing test shows."""

    def check(subject: Any, *arguments: Any, **options: Any) -> Report:
        __tracebackhide__ = True
        report = explain(subject, *arguments, **options)
        if not report.right:
            pytest.fail(str(report), pytrace=False)
        return report

    return check
