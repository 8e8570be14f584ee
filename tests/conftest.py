"""The strict configuration under which every test runs."""

import os
import tempfile

import jax
import pytest

from tests.compilation import compile_quickly, keep_programs
from tests.memory import Bounded, worker_count
from tests.passed import Certify
from tests.sample import Sample, add_options

compile_quickly()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    asked = "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ
    return None if asked else worker_count()


def pytest_configure(config: pytest.Config) -> None:
    os.environ.pop("PYTEST_ADDOPTS", None)  # said to this run, not to those that tests start
    config.pluginmanager.register(Bounded())
    config.pluginmanager.register(Sample(config))
    if hasattr(config, "workerinput"):
        keep_programs(config.workerinput["programs"])
        return
    if config.option.certify:
        config.pluginmanager.register(Certify())
    programs = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    config.add_cleanup(programs.cleanup)
    config.stash[PROGRAMS] = programs.name
    keep_programs(programs.name)


PROGRAMS = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """All workers share one folder of compiled programs."""
    node.workerinput["programs"] = node.config.stash[PROGRAMS]
