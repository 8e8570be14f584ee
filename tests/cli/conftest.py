"""The command line as its users meet it, in a home folder with files of theirs.

It runs inside the process of the tests, where it starts at once. A process of its own is for what
needs one: signals, kills, an exit status, and bits that are the same in another interpreter.
"""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from typing import Any, NamedTuple
from unittest import mock

import jax
import numpy as np
import pytest
from PIL import Image

from fnet.cli import main

COLOURS = {"red": (170, 70, 70), "green": (70, 170, 70), "blue": (70, 70, 170)}


class Result(NamedTuple):
    status: int
    out: str
    err: str


class Run(NamedTuple):
    """A trained run: its folder, and the output of training."""

    folder: Any
    out: str

    @property
    def metrics(self):
        return json.loads((self.folder / "metrics.json").read_text("utf-8"))

    @property
    def config(self):
        return json.loads((self.folder / "config.json").read_text("utf-8"))

    @property
    def history(self):
        with (self.folder / "history.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def checkpoint(self):
        """Every array of the checkpoint, bit for bit, and its JSON."""
        with np.load(self.folder / "checkpoint.npz") as file:
            return {
                name: (array.dtype.name, array.shape, array.tobytes())
                for name, array in file.items()
            }


def status_of(words):
    """What the command line ends with; 2 where argparse exits."""
    try:
        return main([*map(str, words)])
    except SystemExit as end:
        return end.code


@contextlib.contextmanager
def as_users():
    """JAX with its defaults, which users have; for all threads, as a context of JAX's is not."""
    strict = {"jax_enable_x64": False, "jax_numpy_dtype_promotion": "standard"}
    before = {name: getattr(jax.config, name) for name in strict}
    try:
        for name, value in strict.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def small(words):
    """A command that trains, with a model that takes no time, unless another is named."""
    trains = words and words[0] in ("train", "sweep", "overfit")
    named = {"--model", "--target", "--resume", "--help"} & {*map(str, words)}
    return (*words, "--model", "mlp") if trains and not named else words


class Shell(NamedTuple):
    """Runs fnet in `home` as any user would, without the settings of the tests' own process."""

    home: Any
    environment: dict[str, str]

    def start(self, *words, **keywords):
        return subprocess.Popen(
            [sys.executable, "-m", "fnet", *map(str, small(words))],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **keywords,
        )

    def process(self, *words):
        """In a process of its own."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=120)
        return Result(process.returncode, out, err)

    def __call__(self, *words):
        return self.plainly(*small(words))

    def plainly(self, *words):
        """With the default model."""
        out, err = io.StringIO(), io.StringIO()
        with (
            as_users(),
            contextlib.chdir(self.home),
            mock.patch.dict(os.environ, self.environment),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = status_of(words)
        return Result(status, out.getvalue(), err.getvalue())

    def train(self, out, *words, call=None):
        result = (call or self)("train", "--out", out, *words)
        assert result.status == 0, result.err
        assert result.err == ""
        return Run(self.home / out, result.out)

    def refuses(self, *words, call=None):
        """The one-line error of a call that writes nothing; `call` replaces the process."""
        before = sorted(self.home.rglob("*"))
        result = (call or self)(*words)
        assert result.status == 2, result
        assert result.out == ""
        assert result.err.endswith("\n")
        assert len(result.err.splitlines()) == 1, result.err
        assert "Traceback" not in result.err
        assert sorted(self.home.rglob("*")) == before
        return result.err


def write_images(folder, classes=tuple(COLOURS), each=30, size=(8, 8)):
    """Noisy patches of a class's colour: most, but not all, are learned in a few epochs."""
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            noise = rng.normal(COLOURS.get(name, (0, 0, 0)), 60, (*size, 3))
            pixels = noise.clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def images():
    return write_images


@pytest.fixture(scope="session")
def shell(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    write_images(home / "photos")
    rng = np.random.default_rng(0)
    area, year = rng.integers(40, 300, 120), rng.integers(1900, 2011, 120)
    price = 1000 * area + 500 * (year - 1900) + rng.normal(0, 20_000, 120)
    lines = ["Area,Year,Street,Kind,Price"]
    for a, y, p in zip(area, year, price, strict=True):
        lines.append(f"{a},{y},Pave,{'large' if a > 170 else 'small'},{p:.0f}")
    (home / "houses.csv").write_text("\n".join(lines) + "\n")
    strict = ("JAX_ENABLE_X64", "JAX_NUMPY_DTYPE_PROMOTION")
    environment = {key: value for key, value in os.environ.items() if key not in strict}
    cache = tmp_path_factory.mktemp("cache")
    return Shell(home, {**environment, "XDG_CACHE_HOME": str(cache), "PYTHONUTF8": "1"})


@pytest.fixture
def inside(shell, capsys, monkeypatch):
    """The same in the strict configuration of the tests."""
    monkeypatch.chdir(shell.home)

    def call(*words):
        capsys.readouterr()
        return Result(status_of(words), *capsys.readouterr())

    return call


PHOTOS = "--data photos --hidden 8 --batch-size 16 --learning-rate 0.01".split()


@pytest.fixture(scope="session")
def run(shell):
    """Four epochs on the photos."""
    return shell.train("run", *PHOTOS, "--epochs", 4)


@pytest.fixture(scope="session")
def houses(shell):
    """The house-price task: a number turned into two classes, and a logistic model."""
    words = "--data houses.csv --target Price --features Area Year --binarize 30 70".split()
    return shell.train("houses", *words, *"--model logistic --epochs 30".split())


@pytest.fixture
def photos():
    """The arguments after `fnet train --out OUT` that train as `run` did."""
    return PHOTOS
