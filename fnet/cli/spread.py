"""`--devices` and `--tensor-parallel`: how many devices train together, and what they divide."""

import os
from typing import Any

import jax
from jax.sharding import Mesh

from fnet.cli.arguments import ALL, Settings
from fnet.cli.text import MODELS
from fnet.cli.values import above
from fnet.core.across import ROWS
from fnet.devices import mesh
from fnet.devices.meshes import COLUMNS, require_divided
from fnet.errors import ConfigurationError

FORCED = "xla_force_host_platform_device_count"  # of XLA_FLAGS, which says the same
TEAM = {"coordinator", "process", "processes"}  # whoever names one has several processes
ADDRESS = "JAX_COORDINATOR_ADDRESS"  # of the environment, which says the same
BY_CORES = ("cnn", "resnet", *MODELS)  # what cores train faster as devices than as one
FEWEST = 16  # rows of a batch for each core, where devices were not asked for


def add_devices(group: Any, several: bool = True) -> None:
    """The argument --devices; of each process, for a command of which there may be `several`."""
    group.add_argument(
        "--devices",
        type=_devices,
        metavar="N",
        help="how many devices divide each batch among them, a number or `all`; a CPU is one, and "
        "is divided into so many virtual ones, `all` into its cores (default 1; to train a cnn, "
        f"a resnet or a text the cores, of {FEWEST} rows or more each)"
        + ("; of each process, where there are several" if several else ""),
    )
    if several:
        group.add_argument(
            "--tensor-parallel",
            type=above(0, int),
            metavar="N",
            help="of --devices, how many divide the weights of wide layers, and the optimizer's "
            "state, so that each holds a part; the rest of them divide each batch (default 1)",
        )


def make_devices(given: Settings, unasked: bool = False) -> None:
    """Divide the CPU into virtual devices, which JAX does at its start alone; others stay.

    `unasked`, a process that is alone has its cores as devices, which need not all be used.
    """
    asked = given.get("devices")
    if unasked and ADDRESS not in os.environ and TEAM.isdisjoint(given):
        asked = asked or ALL
    if asked is None or FORCED in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", _cores() if asked == ALL else asked)
    except RuntimeError:  # it has started, and has the devices that it has
        return


def mesh_of(settings: Settings, processes: int = 1) -> Mesh | None:
    """The mesh of --devices, none without it; of several processes, all the devices they have.

    Raises ConfigurationError for --tensor-parallel without --devices that it divides, and over
    several processes, of which the first alone writes checkpoints and pictures.
    """
    asked, parts = settings.get("devices"), settings.get("tensor_parallel") or 1
    if processes > 1:
        if parts > 1:
            raise ConfigurationError(
                f"--tensor-parallel {parts} divides weights among the devices of one process, and "
                f"there are {processes}; leave it out, or train from Python: "
                f"fnet.training.fit(..., mesh=fnet.devices.mesh(model={parts}))"
            )
        return mesh()
    if asked is None:
        if parts > 1:
            raise ConfigurationError(
                f"--tensor-parallel {parts}: of how many devices? Add --devices {parts}, or a "
                "multiple of it"
            )
        return None
    return mesh(asked, model=parts)


def spread_over(given: Settings) -> tuple[Mesh | None, list[str]]:
    """The mesh of --devices, made before anything of JAX runs, and what is said of it."""
    make_devices(given)
    devices = mesh_of(given)
    return devices, [] if devices is None else [_said(devices)]


def divided(
    settings: Settings, given: Settings, processes: int = 1, rows: int = 0
) -> tuple[Settings, list[str]]:
    """The settings with a batch size that the devices divide, and sentences on what was decided.

    One that was given is left to be refused, unless they divide it. Where no devices were, and so
    many `rows` may be divided among the cores of a CPU, those are the devices.
    """
    cores = _worthwhile(settings, rows) if processes == 1 else 1
    settings = {**settings, "devices": cores} if cores > 1 else settings
    devices = mesh_of(settings, processes)
    if devices is None:
        return settings, []
    count, size = devices.shape[ROWS], settings["batch_size"]
    said = [_said(devices, processes) + "; --devices 1 for one" * (cores > 1)]
    if given.get("batch_size") not in (None, ALL):
        require_divided("--batch-size", size, count)
    elif size != ALL and size % count:
        settings = {**settings, "batch_size": size + -size % count}
        said.append(f"chosen for {count} devices: --batch-size {settings['batch_size']}")
    return settings, said


def _worthwhile(settings: Settings, rows: int) -> int:
    """Among how many cores a batch is divided unasked: XLA's loops run on one core each."""
    asked = settings.get("devices") or settings.get("tensor_parallel")
    size = settings["batch_size"]
    if asked or settings["model"] not in BY_CORES or size == ALL or size > rows:
        return 1
    if jax.default_backend() != "cpu":
        return 1
    most = min(_cores(), jax.local_device_count(), max(size // FEWEST, 1))
    return next(count for count in range(most, 0, -1) if size % count == 0)


def _said(devices: Mesh, processes: int = 1) -> str:
    kind = devices.devices.flat[0].platform
    sort = "virtual devices of this CPU" if kind == "cpu" else f"devices ({kind.upper()})"
    where = f"on {devices.size} {sort}" + (f" of {processes} processes" if processes > 1 else "")
    parts = devices.shape.get(COLUMNS, 1)
    if parts == 1:
        return f"{where}, which divide each batch among them"
    rows = devices.shape[ROWS]
    return f"{where}: {rows} parts of each batch, and {parts} of the weights of wide layers"


def _devices(text: str) -> int | str:
    number: int | str = ALL if text == ALL else above(0, int)(text)
    return number


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
