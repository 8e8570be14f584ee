"""What is compared of processes that train together, and how a message has it."""

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np

from fnet.devices.watch import PACKAGE


def versions() -> dict[str, Any]:
    """What of this process must be the same in all."""
    return {
        "fnet": _sources(),
        "Python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jaxlib.version.__version__,
        "numpy": np.__version__,
        "a float of JAX": jax.dtypes.canonicalize_dtype(float).name,
    }


def _sources() -> str:
    """A digest of the package's sources, by which versions are told apart that have one name."""
    digest = hashlib.sha256()
    for path in sorted(Path(PACKAGE).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def plain(fact: Any) -> Any:
    """As JSON has it."""
    if isinstance(fact, tuple | list):
        return [plain(part) for part in fact]
    if isinstance(fact, Mapping):
        return {str(name): plain(part) for name, part in fact.items()}
    return fact if isinstance(fact, int | float | str | bool | None) else repr(fact)


def short(fact: Any) -> str:
    """The fact as a message has it."""
    text = repr(fact)
    return text if len(text) < 100 else f"{text[:80]}... (sha256 {_digest(text)})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
