"""The strict configuration under which every test runs."""

import jax

from tests.xla_flags import compile_quickly

compile_quickly()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
