"""Compiling for an examination, which compiles much and computes little."""

import functools
from collections.abc import Callable
from typing import Any

import jax

# On a CPU either saves up to half of the time; another release of XLA may lack them.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def compiled(function: Callable[..., Any], often: bool = False) -> Callable[..., Any]:
    """`jax.jit` of this function: quick to compile, unless it computes something often."""
    quickly = {} if often else dict(_options(jax.default_backend()))
    return jax.jit(function, compiler_options=quickly)


@functools.cache
def _options(backend: str) -> tuple[tuple[str, Any], ...]:
    """Those that this release knows."""
    return tuple(QUICKLY.items()) if backend == "cpu" and _are_known() else ()


def _are_known() -> bool:
    try:
        jax.jit(lambda: 0, compiler_options=QUICKLY).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
