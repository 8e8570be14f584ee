"""`fnet launch`: several processes on this machine that train as one, for trying it out."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from fnet.cli.arguments import Settings, command
from fnet.cli.signals import CLOSED
from fnet.cli.values import above
from fnet.devices.lines import free_port
from fnet.errors import ConfigurationError

GRACE = 15.0  # seconds that the others have to end by themselves, once one has ended by an error
PAUSE = 0.05  # seconds between looks at them

EXAMPLES = """
fnet launch -n 2 -- train                        two processes train as one
fnet launch -n 4 -- train --data photos/ --batch-size 64
"""


def add(commands: Any) -> None:
    """Register the command."""
    summary = "start several processes on this machine that train as one"
    parser = command(commands, "launch", launch, summary, EXAMPLES)
    parser.add_argument(
        "-n",
        "--processes",
        type=above(0, int),
        default=2,
        metavar="N",
        help="how many; each has its share of the processor's cores, or one GPU (default 2)",
    )
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- train ...", help="what each of them runs"
    )


def launch(given: Settings) -> int:
    """Run the command; its status is that of the first process that ended by an error."""
    words = given["command"][1:] if given["command"][:1] == ["--"] else given["command"]
    if words[:1] != ["train"]:
        raise ConfigurationError(
            f"fnet launch starts processes that train: fnet launch -n {given['processes']} -- "
            "train ..."
        )
    count, coordinator = given["processes"], f"127.0.0.1:{free_port()}"
    shares = _shares(count)
    cores = len(shares[0]) if shares else 0
    each = f", each on {cores} core{'s' * (cores > 1)}" if shares else ""
    print(f"fnet: {count} processes{each}, by way of {coordinator}", file=sys.stderr)
    children: list[subprocess.Popen[bytes]] = []
    with _signals_for(children):
        for number in range(count):
            own = ["--coordinator", coordinator, "--process", str(number)]
            everyone = [*words, *own, "--processes", str(count)]
            line = [sys.executable, "-m", "fnet", *everyone]
            # JAX reads this for GPUs, one of which each process takes.
            environment = {"JAX_LOCAL_DEVICE_IDS": str(number), **os.environ}
            children.append(subprocess.Popen(line, env=environment))
            if shares:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(children[-1].pid, shares[number])
        return _awaited(children)


def _shares(count: int) -> list[set[int]]:
    """The cores of each process; none where there are too few, or the system cannot say."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    size = len(cores) // count
    return [set(cores[k * size : (k + 1) * size]) for k in range(count)] if size else []


@contextlib.contextmanager
def _signals_for(children: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """SIGTERM and SIGHUP are handed on; Ctrl-C reaches the processes by the terminal.

    They save and end.
    """

    def hand_on(number: int, frame: Any) -> None:
        for child in children:
            child.send_signal(number)

    handlers = {signal.SIGTERM: hand_on, signal.SIGINT: lambda *_: None}
    if CLOSED and signal.getsignal(CLOSED) != signal.SIG_IGN:  # as it is under nohup
        handlers[CLOSED] = hand_on
    before = [(number, signal.signal(number, handler)) for number, handler in handlers.items()]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _awaited(children: Sequence[subprocess.Popen[bytes]]) -> int:
    """The status that all end with; those that outlive an error of another are ended."""
    failed, since = 0, 0.0
    try:
        # Each is asked: `any` would not hear of one that failed behind one that runs.
        while [child for child in children if child.poll() is None]:
            if not failed:
                failed = next((child.returncode for child in children if child.returncode), 0)
                since = time.monotonic()
            elif time.monotonic() - since > GRACE:
                break
            time.sleep(PAUSE)
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
            child.wait()
    failed = failed or next((child.returncode for child in children if child.returncode), 0)
    return failed if failed >= 0 else 128 - failed
