"""The process of one contestant: prepare, tell the loss curve, then run whenever told to go."""

import importlib
import json
import os
import sys
import time

import numpy as np


def main() -> None:
    module, function = sys.argv[1].split(":")
    order = json.loads(sys.argv[2])
    # Whatever a library prints goes to standard error; the parent reads standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**what: object) -> None:
        print(json.dumps(what), file=answers, flush=True)

    start = time.perf_counter()
    try:
        run = getattr(importlib.import_module(module), function)(**order)
        curve = np.asarray(run(), np.float64).ravel()
    except ImportError as error:
        answer(missing=f"not installed: {error.name}")
        return
    answer(
        curve=curve.tolist(),
        setup_seconds=time.perf_counter() - start,
        facts=getattr(run, "facts", {}),
    )
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        answer(seconds=time.perf_counter() - start)


if __name__ == "__main__":
    main()
