"""Execute every notebook from a clean kernel: `python -m tests.notebooks [--write]`.

With --write the outputs are kept in the file, as they are committed.
"""

import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
SECONDS = 90
BYTES = 400_000


def main() -> int:
    failed = False
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            place = {"metadata": {"path": folder}}
            NotebookClient(notebook, timeout=SECONDS, resources=place).execute()
        seconds = time.monotonic() - began
        if "--write" in sys.argv:
            for cell in notebook.cells:
                cell.metadata.pop("execution", None)  # times of day: a new diff each time
            nbformat.write(notebook, path)
        size = path.stat().st_size
        wrong = seconds > SECONDS or size > BYTES
        failed = failed or wrong
        limits = f" (limits: {SECONDS} s, {BYTES / 1000:.0f} kB)" if wrong else ""
        print(f"{path.name}: {seconds:.0f} s, {size / 1000:.0f} kB{limits}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
