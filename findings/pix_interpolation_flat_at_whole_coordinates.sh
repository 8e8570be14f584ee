#!/usr/bin/env bash
# dm-pix's linear interpolation has the slope 0 by jax.grad at whole coordinates, also of data on a line,
# where there is no kink: both neighbours are then the same point. affine_transform and rotate inherit
# it, so a transformation that begins as the identity gets no gradient at all, and is not learned.
# jax.scipy.ndimage.map_coordinates(order=1) has the slope there.
# Seen with dm-pix 0.4.5, jax and jaxlib 0.10.2, Linux x86-64:
#   dm_pix, a line of slope 1 at 1.0: 0.000000
#   dm_pix, a line of slope 1 at 1.25: 1.000000
#   map_coordinates, a line of slope 1 at 1.0: 1.000000
#   map_coordinates, a line of slope 1 at 1.25: 1.000000
#   affine_transform of a ramp, by its offset: at the identity 0.000000, beside it 9.000000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q dm-pix==0.4.5 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import dm_pix
import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

line, ramp = jnp.arange(4.0), jnp.broadcast_to(jnp.arange(5.0)[:, None, None], (5, 5, 1))
ways = {
    "dm_pix": lambda x: dm_pix.flat_nd_linear_interpolate(line, x[None, None])[0],
    "map_coordinates": lambda x: map_coordinates(line, [x[None]], order=1)[0],
}
print(f"dm-pix {version('dm-pix')}, jax {jax.__version__}")
slopes = {
    (name, at): float(jax.grad(way)(jnp.float32(at))) for name, way in ways.items() for at in (1.0, 1.25)
}
for (name, at), slope in slopes.items():
    print(f"{name}, a line of slope 1 at {at}: {slope:.6f}")


def moved(offset):
    offsets = jnp.array([offset, 0.0, 0.0])
    return dm_pix.affine_transform(ramp, jnp.eye(3), offset=offsets)[1:4, 1:4].sum()


by_identity, nearly = (float(jax.grad(moved)(jnp.float32(x))) for x in (0.0, 0.01))
print(f"affine_transform of a ramp, by its offset: at the identity {by_identity:.6f}, beside it {nearly:.6f}")
assert slopes["dm_pix", 1.0] == 0 and abs(slopes["dm_pix", 1.25] - 1) < 1e-6, slopes
assert abs(slopes["map_coordinates", 1.0] - 1) < 1e-6, slopes
assert by_identity == 0 and abs(nearly) > 1, (by_identity, nearly)
PYTHON
