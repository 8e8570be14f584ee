"""The tests compile much and compute little: XLA need not try hard.

Imported before jax, since XLA reads its flags once; processes that are started inherit them.
"""

import os
from importlib.metadata import version

FLAGS = ["--xla_backend_optimization_level=0"]
# Half of the time to compile a small program goes into these. XLA aborts at a flag that it does not
# know, and a later one may have lost this.
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")

os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS])
