"""The parent's end of `child.py`."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[2]
# Small matrices are slower with more threads.
ENVIRONMENT = {"JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
START = 300.0  # seconds to import a package and make its cases
# fnet of one folder, tests of another, whatever both hold.
PROGRAM = f"import fnet, sys; sys.path.insert(0, {str(HERE)!r}); sys.argv[0] = 'child'; "
PROGRAM += "from tests.wild.child import main; main()"


class Examiner:
    """Examines the cases of a module with the fnet of a folder; begins anew after each that ended
    the process, or did not end."""

    def __init__(self, module: str, folder: Path = HERE) -> None:
        self._module, self._folder = module, folder.resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._text = b""
        self.hello = self._begin()

    def ask(self, what: str, number: int, limit: float) -> dict[str, Any]:
        """The answer; `ended` says why there is none."""
        started = self._begin() if self._process is None else {}
        if self._process is None:
            return started
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # that it has ended is seen next
            self._process.stdin.write(f"{what} {number}\n".encode())
            self._process.stdin.flush()
        return self._answer(limit)

    def close(self) -> None:
        """End the process and what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and left none behind
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process, self._text = None, b""

    def _begin(self) -> dict[str, Any]:
        environment = os.environ | {"PYTHONPATH": str(self._folder)} | ENVIRONMENT
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        hello = self._answer(START)
        if "fnet" in hello and self._folder not in Path(hello["fnet"]).resolve().parents:
            raise SystemExit(f"fnet was imported from {hello['fnet']}, and not from {self._folder}")
        return hello

    def _answer(self, limit: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        until = time.monotonic() + limit
        while b"\n" not in self._text:
            left = until - time.monotonic()
            ready = select.select([self._process.stdout], [], [], max(0.0, min(left, 0.5)))[0]
            piece = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            self._text += piece
            if piece:
                continue
            if ready or self._process.poll() is not None:
                code = self._process.wait()
                self.close()
                return {"ended": f"the process ended with status {code}"}
            if left < 0:
                self.close()
                return {"ended": f"stopped after {limit:.0f} s"}
        line, _, self._text = self._text.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer
