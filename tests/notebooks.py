"""Execute every notebook from a clean kernel: `python -m tests.notebooks [--write] [NAME ...]`.

With --write the outputs are kept in the file, as they are committed. Two are executed at a time,
and one with --write, whose outputs tell what things took. An error or a file that is too large
fails; more than 90 s is told, and may be the fault of a busy machine.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
SECONDS = 90
HANGS = 600  # seconds of one cell
BYTES = 400_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="(default all)")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = sorted(FOLDER.glob("*.ipynb"), reverse=True)  # the last of them take the longest
    paths = [FOLDER / f"{name}.ipynb" for name in given.names] or found
    with ThreadPoolExecutor(1 if given.write else 2) as pool:
        wrong = [*pool.map(lambda path: execute(path, given.write), paths)]
    return int(any(wrong))


def execute(path: Path, write: bool) -> bool:
    """Execute it; whether it is larger than a notebook may be."""
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=HANGS, resources=place).execute()
    seconds = time.monotonic() - began
    if write:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of day: a new diff each time
        nbformat.write(notebook, path)
    size = path.stat().st_size
    over = seconds > SECONDS or size > BYTES
    limits = f" (limits: {SECONDS} s, {BYTES / 1000:.0f} kB)" if over else ""
    print(f"{path.name}: {seconds:.0f} s, {size / 1000:.0f} kB{limits}", flush=True)
    return size > BYTES


if __name__ == "__main__":
    sys.exit(main())
