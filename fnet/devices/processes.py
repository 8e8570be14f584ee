"""Several processes that train as one: how they find each other, agree, and end.

    team = join("10.0.0.1:5000", process=1, processes=4)
    for record in fit(..., mesh=devices.mesh()):
        save(...)                       # all call it: the first writes, and each its own parts
        if team.is_first:
            print(record.metrics)
    team.leave()

The engine is `jax.distributed`; around it stand a start that compares the processes, and a watch
that ends all of them where one dies or hangs.
"""

import atexit
import contextlib
import ctypes
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import jax

from fnet.core.expect import require_whole
from fnet.devices.facts import plain, short, versions
from fnet.devices.lines import Server, address_of, free_port
from fnet.devices.meeting import all_others, first, tunnelled
from fnet.devices.tunnels import tunnel
from fnet.devices.watch import FAILED, SILENCE, STUCK, Watch
from fnet.errors import ConfigurationError

START = 120.0  # seconds for all processes to come together
JAX_NOTICES = 3600  # seconds without a heartbeat of JAX's own, which fnet's watch precedes


class Team:
    """The processes that train together; a team of one, where nobody else has been asked for.

    Enter it as a context, or call `leave` at the end: an error in one process then ends the others
    too. `resume` is a sentence on how to resume, which follows the word on a process that was lost.

    >>> with join() as team:
    ...     team.index, team.count, team.is_first, team.gather("word")
    (0, 1, True, ['word'])
    """

    def __init__(self, index: int = 0, count: int = 1, watch: Watch | None = None) -> None:
        self.index, self.count, self.watch = index, count, watch
        self.resume = ""
        self.opened: list[Server] = []

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, which writes and speaks for all."""
        return self.index == 0

    def gather(self, value: Any) -> list[Any]:
        """What each process gives here (numbers, texts, lists of such), in their order.

        It waits for all of them.
        """
        return [value] if self.watch is None else self.watch.gather(value)

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Raise ConfigurationError, in all processes, unless these are the same in all."""
        told = self.gather({name: plain(fact) for name, fact in facts.items()})
        first = told[0]
        for number, theirs in enumerate(told):
            for name in {**first, **theirs}:
                here, there = first.get(name), theirs.get(name)
                if here != there:
                    raise ConfigurationError(
                        f"{name} is {short(here)} in process 0 and {short(there)} in process "
                        f"{number}; all processes must have the same"
                    )

    def leave(self) -> None:
        """Part from the others, when all have come to their end."""
        if self.watch is not None:
            self.watch.gather("end", last=True)
            if jax.distributed.is_initialized():
                jax.distributed.shutdown()
            self.close()

    def close(self) -> None:
        """Say nothing more to the others, and hear nothing."""
        if self.watch is not None:
            self.watch.close()
        for server in self.opened:
            server.close()
        self.watch, self.opened = None, []

    def __enter__(self) -> "Team":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            self.leave()
        elif self.watch is not None:
            self._part(self.watch, error)

    def _part(self, watch: Watch, error: BaseException) -> None:
        """End the others because of this error, or be ended by what caused it."""
        if isinstance(error, jax.errors.JaxRuntimeError) and "EXHAUSTED" not in str(error):
            time.sleep(2 * watch.silence)  # a connection has failed, and the watch will know whose
        _forget_jax()
        watch.end(f"process {self.index} has ended: {str(error) or type(error).__name__}", FAILED)


def join(
    coordinator: str | None = None,
    process: int | None = None,
    processes: int | None = None,
    about: Mapping[str, Any] | None = None,
    *,
    seconds: float = START,
    silence: float = SILENCE,
    stuck: float | None = None,
) -> Team:
    """Join the others, before anything of JAX runs; then `jax.devices()` are those of all.

    `coordinator` is HOST:PORT, where process 0 listens; `process` is the number of this one, of
    `processes` in all. What is None is asked of JAX_COORDINATOR_ADDRESS and, with the coordinator
    "auto", of SLURM, Kubernetes and whatever else `jax.distributed` knows. Without any of them it
    is a team of one.

    All must have the same versions of fnet (down to its sources), Python, JAX and NumPy, the same
    number of devices, and the same `about`: whoever differs is refused here, and both are named.
    Raises WorkerError where the others have not come within so many `seconds`. Later a process that
    dies ends the others at once, one of which nothing is heard for `silence` seconds then, and all
    end where none of them moves for `stuck` seconds (120, or 1,200 on an accelerator, for whose
    programs a process waits without a sign): each says why, and exits with status 75.

    >>> join().count
    1
    """
    if (coordinator, process, processes) == (None, None, None):
        return Team()
    address, index, count = _found(coordinator, process, processes)
    _require_fresh()
    jax_port = free_port()
    team = meet(address, index, count, jax_port, seconds, silence, stuck or 10 * STUCK)
    try:
        team.agree({**versions(), **(about or {})})
        way = tunnel(lambda: tunnelled(address, seconds))
        team.opened.append(way)
        _begin_jax(index, count, way.port, jax_port, seconds)
        team.agree({"the number of devices": jax.local_device_count()})
        if stuck is None and team.watch is not None and jax.default_backend() == "cpu":
            team.watch.stuck = STUCK
    except BaseException as error:
        team.__exit__(type(error), error, None)
        raise
    return team


def meet(
    address: tuple[str, int],
    index: int,
    count: int,
    jax_port: int,
    seconds: float = START,
    silence: float = SILENCE,
    stuck: float = STUCK,
    lost: Callable[["Team", str, int], None] | None = None,
) -> Team:
    """The team of those that meet at this address, before JAX knows of them.

    `lost(team, words, status)` is called where it ends for another's sake.
    """
    team = Team(index, count)
    if index == 0:
        server, lines = all_others(address, count, jax_port, seconds)
        team.opened.append(server)
    else:
        lines = {0: first(address, index, count, seconds)}
    team.watch = Watch(
        index, lines, functools.partial(_lost if lost is None else lost, team), silence, stuck
    )
    return team


def _lost(team: Team, words: str, status: int) -> None:
    """The last words; the main thread may be in a collective that never returns."""
    sys.stdout.flush()
    print(f"fnet: {words}{team.resume}", file=sys.stderr, flush=True)
    os._exit(status)


def _found(
    coordinator: str | None, process: int | None, processes: int | None
) -> tuple[tuple[str, int], int, int]:
    """The address and the two numbers, from the environment where they are not given."""
    if coordinator == "auto":
        coordinator, processes, process = _of_cluster(processes, process)
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    given = {"coordinator": coordinator, "process": process, "processes": processes}
    missing = [name for name, value in given.items() if value is None]
    if missing or coordinator is None or process is None or processes is None:
        raise ConfigurationError(
            f"{' and '.join(missing)} missing: each process is told the coordinator (HOST:PORT of "
            'process 0), its number process, and processes, how many there are; or "auto" as the '
            "coordinator, for the environment of SLURM or Kubernetes"
        )
    require_whole("processes", processes, least=1)
    require_whole("process", process, least=0)
    if process >= processes:
        raise ConfigurationError(
            f"process is {process}, of {processes} processes; they are numbered from 0 to "
            f"{processes - 1}"
        )
    return address_of(coordinator), process, processes


def _of_cluster(processes: int | None, process: int | None) -> tuple[Any, Any, Any]:
    try:
        from jax._src.clusters import ClusterEnv  # no public function says what JAX finds

        ask = ClusterEnv.auto_detect_unset_distributed_params
    except (ImportError, AttributeError):
        raise ConfigurationError(
            f"coordinator auto: JAX {jax.__version__} does not say what it knows of the cluster; "
            "give coordinator, process and processes"
        ) from None
    try:
        return ask(None, processes, process, None, None, int(START))[:3]
    except Exception as error:  # of whatever the cluster's own packages raise
        raise ConfigurationError(f"coordinator auto: {error}") from None


def _require_fresh() -> None:
    if jax.distributed.is_initialized():
        raise ConfigurationError("join: this process has joined others already; join once")


def _begin_jax(index: int, count: int, port: int, jax_port: int, seconds: float) -> None:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # Its handler of SIGTERM would keep the process from being ended by it.
    jax.config.update("jax_enable_preemption_service", False)
    # It warns of proxies, which no message between fnet's processes goes through.
    logging.getLogger("jax._src.distributed").setLevel(logging.ERROR)
    try:
        jax.distributed.initialize(
            f"127.0.0.1:{port}",
            count,
            index,
            initialization_timeout=int(seconds),
            heartbeat_timeout_seconds=JAX_NOTICES,
            shutdown_timeout_seconds=int(SILENCE),
            coordinator_bind_address=f"127.0.0.1:{jax_port}",
        )
    except RuntimeError as error:
        if "must be called before" not in str(error):
            raise
        raise ConfigurationError(
            "join: JAX has computed something already; join the others before that"
        ) from None


def _forget_jax() -> None:
    """Let this process exit without waiting in JAX for others that are gone, which ends in abort.

    JAX waits when it is shut down, and where its client is destroyed; so that never is.
    """
    if not jax.distributed.is_initialized():
        return
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src.api import clean_up  # what JAX has registered; no public name says it

        atexit.unregister(clean_up)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(jax.local_devices()[0].client))
