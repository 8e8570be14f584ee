"""Pickles: those made to harm run nothing, and damaged ones are told or harmless."""

import copyreg
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from fnet.data import cifar10, read_pickle
from fnet.errors import DataError
from tests.torture.corpus import corpus
from tests.torture.hazard import ENDLESS, Hazard, Outcome, keep, kept
from tests.torture.mutation import mutant

NAME = "hostile pickle"
MEMORY = 2**29  # bytes that a process may grow by as it reads the corpus, of files up to 4 MB
HARMLESS = {"os.listdir", "os.scandir", "pathlib.Path.glob", "glob.glob", "object.__getattr__"}


def canary(*_: Any) -> None:
    """What no pickle may call."""
    Path("RAN").touch()


def hostile(cases: int, seed: int) -> Outcome:
    """The corpus and mutants of good pickles, in a process where every event counts."""
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(
            [sys.executable, "-m", "tests.torture.pickles", str(cases), str(seed), folder],
            capture_output=True,
            text=True,
            check=False,
        )
    if out.returncode:
        return Outcome(cases, [f"it died: {out.returncode}, {out.stderr[-1000:]}"], "")
    found = json.loads(out.stdout)
    return Outcome(found["cases"], found["failures"], found["told"])


class _Watch:
    """Collects what the interpreter tells that it does, as long as it is on."""

    def __init__(self) -> None:
        self.on, self.events = False, []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if self.on and event not in HARMLESS and not self._reads(event, arguments):
            self.events.append(f"{event} {arguments!r:.100}")

    def _reads(self, event: str, arguments: tuple) -> bool:
        return event == "open" and arguments[1] in ("r", "rb")


def _try(path: Path, watch: _Watch, reader) -> tuple[Any, str]:
    """What was read, None for a DataError; and what is wrong with it."""
    value, wrong = None, ""
    begun = time.process_time()
    watch.events, watch.on = [], True
    try:
        value = reader(path)
    except DataError as error:
        if not str(error).startswith(str(path)[: len(str(path.parent))]):
            wrong = f"a message without the file: {error}"
    except BaseException as error:
        wrong = repr(error)[:300]
    watch.on = False
    if time.process_time() - begun > ENDLESS:
        wrong = f"{time.process_time() - begun:.2f} s"
    if Path("RAN").exists():
        Path("RAN").unlink()
        wrong = "it ran"
    return value, wrong or "; ".join(watch.events)


def _good() -> list[bytes]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 3, 5, 5), np.uint8).transpose(0, 2, 3, 1)
    content = {
        "images": images,
        "labels": [2, 0, 1, 2],
        "class_to_idx": {"airplane": 0, "cat": 1, "truck": 2},
        "classes": ["airplane", "cat", "truck"],
    }
    scalars = {**content, "images": list(images), "labels": list(np.array(content["labels"]))}
    floats = {**content, "images": images / 255, "labels": np.array(content["labels"], ">i4")}
    return [pickle.dumps(one, protocol)
            for one in (content, scalars, floats) for protocol in range(6)]  # fmt: skip


def _sane(value: dict) -> str:
    """What is wrong with a data set that was read."""
    dataset = value["all"]
    images, labels = dataset.arrays["image"], dataset.arrays["label"]
    if images.ndim != 4 or len(images) != len(labels) or images.nbytes > 10**5:
        return f"images {images.shape}, labels {labels.shape}"
    if labels.dtype != np.int32 or labels.min() < 0 or labels.max() >= len(dataset.classes):
        return f"labels {labels}, {len(dataset.classes)} classes"
    return ""


def _memory() -> int:
    """The most bytes that this process has had, where Linux tells."""
    status = Path("/proc/self/status")
    text = status.read_text() if status.exists() else ""
    found = re.search(r"VmHWM:\s+(\d+)", text)
    return 1024 * int(found[1]) if found else 0


def _child(cases: int, seed: int, folder: str) -> dict[str, Any]:
    os.chdir(folder)
    copyreg.add_extension("tests.torture.pickles", "canary", 0x4D)
    path, good = Path(folder) / "set.p", _good()
    watch, failures = _Watch(), []
    for content in (*good, good[0][:-9], b"\x80\x02c os\nsystem\n."):  # what is imported late, is
        path.write_bytes(content)
        _try(path, watch, lambda path: cifar10(path.parent))
    before = _memory()
    made = corpus()
    for name, content in made.items():
        path.write_bytes(content)
        value, wrong = _try(path, watch, read_pickle)
        if wrong or value is not None:
            failures.append(f"{name}: {wrong or f'it was read, {value!r:.100}'}")
    grown = _memory() - before
    if grown > MEMORY:
        failures.append(f"memory grew by {grown:,} bytes")
    read = 0
    drawn = ((f"seed {seed}, case {case}", _mutant(good, case, seed)) for case in range(cases))
    for where, content in (*kept(NAME), *drawn):
        path.write_bytes(content)
        value, wrong = _try(path, watch, lambda path: cifar10(path.parent))
        if value is not None:
            read += 1
            wrong = wrong or _sane(value)
        if wrong:
            failures.append(f"{where} ({keep(NAME, content).name}): {wrong}")
    told = (
        f"{len(made)} that are made to harm: 0 ran, memory grew by {grown / 2**20:.0f} MiB at "
        f"most; of the mutants {read} were read, as sane arrays"
    )
    return {"cases": cases + len(made), "failures": failures, "told": told}


def _mutant(good: list[bytes], case: int, seed: int) -> bytes:
    rng = np.random.default_rng([seed, case])
    return mutant(good[case % len(good)], rng)


HAZARDS = (
    Hazard(
        NAME,
        "every way to a call, to memory or to depth, and mutants of good pickles: nothing is run, "
        "imported or written; a DataError, or sane arrays",
        hostile,
        1000,
        20_000,
    ),
)

if __name__ == "__main__":
    from tests.torture import pickles  # by its own name, which a pickle may ask for

    print(json.dumps(pickles._child(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
