"""Reading a table: a CSV file of a million rows, 20 numbers and 5 words each, against pandas.

Every round reads the file in new processes, one after another: the whole process counts, imports
included, and the most memory that it held. What is compared is processor time, which other work on
the machine disturbs less. Ours is `read_table`, which gives columns of numbers and of codes, as
pandas gives columns of numbers and of words; `csv_table` makes the inputs of a model besides, an
array of 59 columns, as `get_dummies` does.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROWS, NUMBERS, WORDS = 1_000_000, 20, 5
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
READERS = {
    "fnet": "from fnet.data.opening import read_table; table = read_table(path)",
    "fnet, csv_table": "from fnet.data import csv_table; table = csv_table(path, 'x0')",
    "pandas": "import pandas; table = pandas.read_csv(path)",
    "pandas, get_dummies": (
        "import pandas; table = pandas.get_dummies(pandas.read_csv(path)).to_numpy('float64')"
    ),
}
SCRIPT = """
import json, resource, sys, time
path = sys.argv[1]
{}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def table(rows=ROWS):
    """A file of numbers with six digits and words, written on the first call."""
    path = Path(tempfile.gettempdir()) / f"fnet-benchmark-table-{rows}.csv"
    if path.exists():
        return path
    draft, rng = path.with_suffix(".draft"), np.random.default_rng(0)
    form = ",".join(["%.6g"] * NUMBERS) + ",%s" * WORDS + "\n"
    with draft.open("w") as file:
        header = [*(f"x{k}" for k in range(NUMBERS)), *(f"w{k}" for k in range(WORDS))]
        file.write(",".join(header) + "\n")
        for _ in range(rows):
            words = (NAMES[k] for k in rng.integers(0, len(NAMES), WORDS))
            file.write(form % (*rng.normal(0, 100, NUMBERS), *words))
    draft.rename(path)  # so that an interrupted run leaves no incomplete file
    return path


def measured(reader, path):
    """Processor seconds and megabytes of a process that reads the file."""
    words = [sys.executable, "-c", SCRIPT.format(READERS[reader]), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def results(rounds):
    path = table()
    figures = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, found in figures.items():
            found.append(measured(name, path))
    by = {name: np.array(found) for name, found in figures.items()}
    ratios = {name: np.median(by[name] / by["pandas"], axis=0) for name in READERS}
    rows = [
        {
            "reader": name,
            "processor seconds": float(np.median(by[name][:, 0])),
            "MB": float(np.median(by[name][:, 1])),
            "time, times pandas": float(ratios[name][0]),
            "memory, times pandas": float(ratios[name][1]),
        }
        for name in READERS
    ]
    targets = [
        {"against": f"pandas, {what}", "target": most, "ratio": float(ratio), "most": True}
        for what, most, ratio in zip(("time", "memory"), (2.0, 1.2), ratios["fnet"], strict=True)
    ]
    title = "reading a CSV file of 1,000,000 × 20 numbers and 5 words"
    return {"tables": {"title": title, "columns": list(rows[0]), "rows": rows, "targets": targets}}
