"""The tests compile much and compute little: XLA need not try hard."""

import os
from importlib.metadata import version

FLAGS = ["--xla_backend_optimization_level=0"]
# Half of the time to compile a small program goes into these. XLA aborts at a flag that it does not
# know, and a later one may have lost this.
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")


def compile_quickly() -> None:
    """For this process, before it compiles, and for those that it starts."""
    os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])
