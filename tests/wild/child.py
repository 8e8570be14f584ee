"""A process that examines the cases of one module, for `python -m tests.wild`.

It reads requests as lines of JSON and answers each with one: so that a case which hangs, aborts the
process or prints costs its own row and no other.
"""

import importlib
import inspect
import json
import os
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

import fnet
from fnet.check import explain
from fnet.errors import ConfigurationError
from tests.wild.case import Case
from tests.wild.gradients import moved
from tests.wild.truth import Truth, truth


def main() -> None:
    """Answer until nobody asks; what packages print goes to the other stream."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore")

    def answer(**row: Any) -> None:
        print(json.dumps(row), file=answers, flush=True)

    package, cases, error = _cases(sys.argv[1])
    answer(
        names=[(case.package, case.name, case.label) for case in cases],
        error=error,
        version=_version(package),
        fnet=fnet.__file__,
        peak=_peak(),
    )
    for line in sys.stdin:
        what, number = line.split()
        work: dict[str, Callable[[Case], dict[str, Any]]] = {"check": check, "truth": told}
        answer(**work[what](cases[int(number)]))


def _cases(name: str) -> tuple[str, list[Case], str]:
    """The package of the module, and its cases up to what goes wrong in making them."""
    cases: list[Case] = []
    package = ""
    try:
        module = importlib.import_module(name)
        package = module.PACKAGE
        for case in module.cases():
            cases.append(case)  # noqa: PERF402  (what came before an error is kept)
    except ImportError as error:
        return package, cases, f"not installed: {error}"
    except Exception:
        return package, cases, traceback.format_exc()
    return package, cases, ""


def check(case: Case) -> dict[str, Any]:
    """The checker's verdict, in words that a row has room for.

    `elsewhere` are truths where it says that the gradient is wrong, if that is not at the arguments
    given: at others, or in less precision.
    """
    begun = time.perf_counter()
    elsewhere: list[Truth] = []
    try:
        report = explain(case.subject, *case.arguments, **_known(case.options))
        verdict, message = "right" if report.right else "wrong", str(report)
    except ConfigurationError as error:
        report, verdict, message = None, "refused", str(error)
    except Exception as error:
        message = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        report, verdict = None, "crash"
    seconds, peak = time.perf_counter() - begun, _peak()
    for finding in report.findings if report else ():
        if getattr(finding, "point", None):  # absent in an fnet of before
            elsewhere.append(truth(moved(case, finding.point)))
        elif finding.check == "precision":
            elsewhere.append(truth(case, np.float32))
    row = {"verdict": verdict, "message": message[:2000], "seconds": seconds, "peak": peak}
    return row | {"elsewhere": [_words(one) for one in elsewhere]}


def _known(options: dict[str, Any]) -> dict[str, Any]:
    """The options that this fnet has; one that it is compared with may lack some."""
    parameters = inspect.signature(explain).parameters
    return {name: value for name, value in options.items() if name in parameters}


def told(case: Case) -> dict[str, Any]:
    """What is so, at the arguments of the case."""
    begun = time.perf_counter()
    return {"truth": _words(truth(case)), "seconds": time.perf_counter() - begun}


def _words(one: Truth) -> str:
    return str(one)[:400]


def _peak() -> int:
    """Bytes that this process has had at most, or one that it started."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return 1024 * max(resource.getrusage(kind).ru_maxrss for kind in kinds)


def _version(package: str) -> str:
    try:
        return version(package)
    except ImportError:
        return ""


if __name__ == "__main__":
    main()
