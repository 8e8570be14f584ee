"""The shell's first command, as a stranger types it: `fnet train --model cnn`, on the set drawn.

The whole process is timed: its start, the drawing of the set, compiling, training, the evaluation,
and the pictures of the report. Of several rounds the median counts.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COMMAND = ("train", "--model", "cnn", "--quiet")
LEAST, MOST = 0.97, 90  # test accuracy, seconds


def results(rounds: int) -> dict[str, dict]:
    rows = [_round(number) for number in range(1, rounds + 1)]
    seconds, accuracy = (
        float(np.median([row[column] for row in rows])) for column in ("seconds", "test accuracy")
    )
    targets = [
        {"against": f"{MOST} s", "target": 1.0, "ratio": seconds / MOST, "most": True},
        {"against": "1, test accuracy", "target": LEAST, "ratio": accuracy},
    ]
    return {
        "command": {
            "title": f"fnet {' '.join(COMMAND[:-1])}",
            "columns": list(rows[0]),
            "rows": rows,
            "targets": targets,
        }
    }


def _round(number: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        start = time.perf_counter()
        command = [sys.executable, "-m", "fnet", *COMMAND, "--out", str(run)]
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - start
        metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    return {"round": number, "seconds": seconds, "test accuracy": metrics["test_accuracy"]}
