"""The strict configuration under which every test runs."""

import tests.xla_flags  # noqa: F401 - before jax

import jax  # isort: skip

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
