"""The tests compile much and compute little: XLA need not try hard, nor the same thing twice."""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

try:  # JAX's own, which a later version may have elsewhere
    from jax._src.lru_cache import _CACHE_SUFFIX, LRUCache
except ImportError:
    LRUCache = None

FLAGS = ["--xla_backend_optimization_level=0"]
# Half of the time to compile a small program goes into these. XLA aborts at a flag that it does not
# know, and a later one may have lost this.
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")


def compile_quickly() -> None:
    """For this process, before it compiles, and for those that it starts."""
    os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])


def keep_programs(folder: str) -> None:
    """Keep there what this process compiles, and take from there what another has.

    Many processes may share a folder: a file is written beside and renamed. Those that this one
    starts know nothing of that, and so have a folder for themselves.
    """
    of_children = f"{folder}/children-{os.getpid()}"
    if LRUCache is None:
        folder = of_children
    else:
        LRUCache.put = _put
    settings = {
        "jax_compilation_cache_dir": folder,
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
    }
    for name, value in settings.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = of_children


def _put(cache: Any, key: str, content: bytes) -> None:
    """JAX writes in place, so that another process may find half of a file."""
    path = Path(cache.path) / f"{key}{_CACHE_SUFFIX}"
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as beside:
            beside.write(content)
        Path(beside.name).replace(path)
