"""Where in the user's code an operation comes from."""

import linecache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds

OWN = tuple(str(Path(file).parent) for file in (jax.__file__, np.__file__, __file__))


def source(eqn: Any) -> str:
    """The expression and its line, in the innermost function outside of libraries."""
    traceback = eqn.source_info.traceback
    for code, instruction in zip(*traceback.raw_frames(), strict=True) if traceback else ():
        if not code.co_filename.startswith((*OWN, "<")):
            first, last, begin, end = list(code.co_positions())[instruction // 2]
            line = linecache.getline(code.co_filename, first)
            if first == last:
                line = line.encode()[begin:end].decode()
            file = Path(code.co_filename)
            # The file of a notebook cell has a generated name or does not exist.
            where = f"{file.name}:{first}" if file.exists() else f"line {first}"
            return (f"`{_short(line.strip())}` in " if line.strip() else "") + where
    return ""


def _short(text: str) -> str:
    return text if len(text) <= thresholds.EXPRESSION else f"{text[: thresholds.EXPRESSION - 1]}…"
