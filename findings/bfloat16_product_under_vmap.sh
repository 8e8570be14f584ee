#!/usr/bin/env bash
# On a CPU, a product of bfloat16 matrices that is asked for in float32 compiles and then fails under
# vmap, where the second factor alone has the mapped axis: XLA makes of it a dot without batch axes
# whose right operand has three, and that cannot be run. From a contraction over 4 numbers on, not
# over 3; without preferred_element_type, or with the mapped axis on both factors, it runs.
# Seen with jax and jaxlib 0.10.2, Linux x86-64 with AVX-512 bfloat16 instructions:
#   contraction over 3: ok
#   contraction over 4: UNIMPLEMENTED: Unsupported element type for DotThunk::Execute: BF16 x BF16 = F32
#   contraction over 4, both mapped: ok
#   contraction over 4, no preferred type: ok
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp


def wide(a, b):
    return jnp.matmul(a.T, b, preferred_element_type=jnp.float32)


def outcome(function, n, axes):
    a = jnp.ones((2, n, 3) if axes[0] == 0 else (n, 3), jnp.bfloat16)
    b = jnp.ones((2, n, 7), jnp.bfloat16)
    try:
        jax.jit(jax.vmap(function, in_axes=axes))(a, b).block_until_ready()
    except jax.errors.JaxRuntimeError as error:
        return str(error).splitlines()[0]
    return "ok"


seen = {
    "contraction over 3": outcome(wide, 3, (None, 0)),
    "contraction over 4": outcome(wide, 4, (None, 0)),
    "contraction over 4, both mapped": outcome(wide, 4, (0, 0)),
    "contraction over 4, no preferred type": outcome(lambda a, b: a.T @ b, 4, (None, 0)),
}
print(f"jax {jax.__version__}")
for name, words in seen.items():
    print(f"{name}: {words}")
failed = seen.pop("contraction over 4")
assert "Unsupported element type for DotThunk::Execute" in failed, failed
assert set(seen.values()) == {"ok"}, seen
PYTHON
