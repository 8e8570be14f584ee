"""The strict configuration under which every test runs."""

import os

# Tests compile much and compute little: LLVM need not try hard. Read when JAX is first imported.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
