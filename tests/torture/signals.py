"""Ctrl-C and SIGTERM at random moments of `fnet train`: each time it can be gone on with."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

from fnet import data
from fnet.checkpoint import load
from tests.torture.hazard import Hazard, Outcome

CHAIN = 10  # signals before a run is let to end, and compared
EPOCHS = 150  # for each of them: longer than it takes until one comes
LINE = "train --data shapes --hidden 8 --batch-size 8 --epochs {} --out".format


def signalled(cases: int, seed: int) -> Outcome:
    """Runs that are stopped many times over end with the bits of one that is not."""
    failures, stops = [], 0
    with tempfile.TemporaryDirectory() as folder:
        data.synthetic_images(f"{folder}/shapes", per_class=12)
        epochs = EPOCHS * min(cases, CHAIN)
        whole = _run(folder, *LINE(epochs).split(), "whole")
        assert whole.returncode == 0, whole.stderr
        expected = _leaves(Path(folder, "whole"))
        for first in range(0, cases, CHAIN):
            name = f"run{first}"
            for case in range(first, min(first + CHAIN, cases)):
                rng = np.random.default_rng([seed, case])
                words = _words(folder, name, epochs)
                status, said = _interrupt(folder, words, rng)
                stops += status in (130, 143)
                told = "--resume" in said and "saved" in said
                if status not in (0, 130, 143, -signal.SIGTERM) or (status == 143 and not told):
                    failures.append(f"seed {seed}, case {case}: status {status}, {said[-300:]}")
            last = _run(folder, *_words(folder, name, epochs))
            if last.returncode or _leaves(Path(folder, name)) != expected:
                failures.append(
                    f"seed {seed}, case {first} and on: other bits; {last.stderr[-300:]}"
                )
    return Outcome(cases, failures, f"{stops} ended with a checkpoint, the others before training")


def _words(folder: str, name: str, epochs: int) -> list[str]:
    begun = Path(folder, name, "config.json").exists()
    return [*LINE(epochs).split(), name, *(["--resume"] if begun else [])]


def _environment() -> dict[str, str]:
    return {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONUNBUFFERED": "1"}


def _run(folder: str, *words: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "fnet", *words]
    return subprocess.run(line, cwd=folder, env=_environment(), capture_output=True, text=True)


def _interrupt(folder: str, words: list[str], rng: np.random.Generator) -> tuple[int, str]:
    """The exit status, and what was said, after a signal at a random moment of training."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fnet", *words],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout:  # the moment before training begins
        if re.match("training|resumed", line):
            break
    time.sleep(float(rng.uniform(0, 0.3)))
    process.send_signal(signal.SIGINT if rng.random() < 0.5 else signal.SIGTERM)
    said, _ = process.communicate()
    return process.returncode, said


def _leaves(folder: Path) -> list[bytes]:
    record = load(folder / "checkpoint.npz").record
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((record.state, record.best))]


HAZARDS = (
    Hazard(
        "Ctrl-C and SIGTERM",
        "at random moments of training: a checkpoint, how to go on, and then the same bits",
        signalled,
        3,
        200,
    ),
)
