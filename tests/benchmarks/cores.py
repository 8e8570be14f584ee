"""Training on the cores of a CPU as devices, which divide each batch: `fnet train`'s own default.

Two cores gain little in one program of XLA, whose loops, and all that is elementwise, run on one;
as two devices, each has a half of the rows, and the gradients are added up.
"""

import numpy as np

CORES = 2
DIVIDED = {"devices": CORES}  # options of a contestant


def divide(devices):
    """Make so many virtual devices of the CPU, before JAX runs; 0: it stays as it is."""
    import jax

    if devices:
        jax.config.update("jax_num_cpu_devices", devices)


def placement(devices):
    """Where fnet puts things, on so many devices; 0: on the one that there is."""
    divide(devices)
    from fnet.devices import mesh
    from fnet.devices.placements import placement_of

    return placement_of(mesh(devices) if devices else None)


def placed(devices, begin, data, order):
    """The same for a peer: what it begins with and its data whole, and rows of an order divided."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    if not devices:
        return jax.tree.map(jax.numpy.asarray, (begin, data, order))
    among = Mesh(np.array(jax.devices()), ("data",))
    whole, rows = (NamedSharding(among, PartitionSpec(*axes)) for axes in ((), (None, "data")))
    return *jax.device_put((begin, data), whole), jax.device_put(order, rows)
