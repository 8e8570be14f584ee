"""Meshes: the devices that train together, and what each axis of them divides."""

from typing import Any

import jax
from jax.sharding import AxisType, Mesh

from fnet.core.across import ROWS
from fnet.core.expect import require_whole
from fnet.errors import ConfigurationError

COLUMNS = "model"  # the axis that divides parameters


def mesh(devices: int | str = "all", model: int = 1) -> Mesh:
    """A mesh of the first `devices` devices: its axis "data" divides the rows of every batch.

    With `model` above 1 a second axis, "model", of that many devices divides parameters, by the
    rule of a `placement`. In several processes "all" are those of all processes. Raises
    ConfigurationError where there are fewer devices, with the line that makes virtual ones of a
    CPU.

    >>> mesh(1).shape["data"]
    1
    """
    require_whole("mesh: model", model, least=1)
    there = jax.devices()
    if devices != "all":
        require_whole("mesh: devices", devices, least=1)
    count = len(there) if devices == "all" else int(devices)
    if count > len(there):
        raise ConfigurationError(f"mesh: devices={count}, and {_found(there)}")
    if count % model:
        raise ConfigurationError(
            f"mesh: model={model} does not divide {count} devices; {_those(divisors(count))} do"
        )
    axes = {ROWS: count // model, **({COLUMNS: model} if model > 1 else {})}
    kinds = (AxisType.Auto,) * len(axes)
    return jax.make_mesh((*axes.values(),), (*axes,), kinds, devices=there[:count])


def usable(mesh: Any) -> Mesh:
    """The mesh, with axes over which the compiler may divide arrays.

    jax.make_mesh makes axes that want the division of each array in its type, which layers do not
    give; a mesh of the same devices without that is as good. Raises ConfigurationError for what is
    no mesh, or has no axis "data".

    >>> usable(jax.make_mesh((1,), ("data",))).axis_types
    (Auto,)
    """
    if not isinstance(mesh, Mesh):
        raise ConfigurationError(
            f"mesh is a {type(mesh).__name__}; it must be a jax.sharding.Mesh: fnet.devices.mesh(4)"
        )
    if ROWS not in mesh.axis_names:
        raise ConfigurationError(
            f"mesh has the axes {', '.join(map(str, mesh.axis_names))}; the rows of a batch are "
            f'divided by one called "{ROWS}": jax.make_mesh((4,), ("{ROWS}",))'
        )
    return Mesh(mesh.devices, mesh.axis_names)


def require_no_other(mesh: Mesh) -> None:
    """Raise ConfigurationError where jax.set_mesh has set another mesh, or this with other axes."""
    there = jax.sharding.get_abstract_mesh()
    if not there.empty and there != mesh.abstract_mesh:
        kinds = zip(there.axis_names, there.axis_sizes, there.axis_types, strict=True)
        axes = ", ".join(f'"{name}" of {size}, {kind.name}' for name, size, kind in kinds)
        raise ConfigurationError(
            f"jax.set_mesh has set a mesh ({axes}) which is not that of mesh=; train outside of "
            f"it, or set this one: jax.set_mesh(fnet.devices.mesh({mesh.size}))"
        )


def require_divided(what: str, size: int, parts: int) -> None:
    """Raise ConfigurationError unless so many devices divide this number of rows."""
    if size % parts:
        below = size - size % parts
        near = f"{below} or {below + parts}" if below else str(parts)
        raise ConfigurationError(
            f"{what} is {size}, which {parts} devices do not divide; take a multiple: {near}"
        )


def divisors(number: int) -> list[int]:
    """Those numbers that divide it.

    >>> divisors(6)
    [1, 2, 3, 6]
    """
    return [size for size in range(1, number + 1) if number % size == 0]


def _those(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _found(there: list[Any]) -> str:
    there_are = "there is one" if len(there) == 1 else f"there are {len(there)}"
    if there[0].platform != "cpu":
        return f"{there_are} ({there[0].device_kind})"
    return (
        f'{there_are}: virtual ones of a CPU are made by jax.config.update("jax_num_cpu_devices", '
        "4) before anything else of JAX runs"
    )
