"""Where in somebody's code an operation comes from."""

import linecache
from pathlib import Path
from typing import Any

import jax
import numpy as np

OWN = tuple(str(Path(file).parent) for file in (jax.__file__, np.__file__, __file__))
LONG = 60  # letters


def source(eqn: Any) -> str:
    """The expression and its line, of the innermost function that is nobody's library."""
    traceback = eqn.source_info.traceback
    for code, instruction in zip(*traceback.raw_frames(), strict=True) if traceback else ():
        if not code.co_filename.startswith((*OWN, "<")):
            first, last, begin, end = list(code.co_positions())[instruction // 2]
            line = linecache.getline(code.co_filename, first)
            if first == last:
                line = line.encode()[begin:end].decode()
            file = Path(code.co_filename)
            # A cell of a notebook is a file of no name that anybody knows, or none at all.
            where = f"{file.name}:{first}" if file.exists() else f"line {first}"
            return (f"`{_short(line.strip())}` in " if line.strip() else "") + where
    return ""


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"
