"""The tests compile much and compute little: XLA need not try hard, nor the same thing twice."""

import os
from importlib.metadata import version

import jax

FLAGS = ["--xla_backend_optimization_level=0"]
# Half of the time to compile a small program goes into these. XLA aborts at a flag that it does not
# know, and a later one may have lost this.
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")


def compile_quickly() -> None:
    """For this process, before it compiles, and for those that it starts."""
    os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])


def keep_programs(folder: str) -> None:
    """Keep there what this process compiles, and those that it starts, and take it from there.

    A file is not written in one step: processes that run at the same time need folders of their
    own, or else some may find half a program, which JAX warns of and compiles.
    """
    settings = {
        "jax_compilation_cache_dir": folder,
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
    }
    for name, value in settings.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)
