"""The strict configuration under which every test runs."""

import tempfile

import jax
import pytest

from tests.compilation import compile_quickly, keep_programs

compile_quickly()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_configure(config: pytest.Config) -> None:
    programs = tempfile.TemporaryDirectory()
    config.add_cleanup(programs.cleanup)
    keep_programs(programs.name)
