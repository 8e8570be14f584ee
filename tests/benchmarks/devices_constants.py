"""What a step costs on 1, 2 and 4 virtual devices: by the formula, and by the clock.

A network 1024-512-512-10 with Adam. Constants are measured in the same process, each device with
one thread: `fnet.devices.measured_machine`. Of both, the least of all rounds counts, since other
work only adds. On two cores four devices take turns: what one of them does in a second is measured
with all at work. The last column is the prediction divided by the time.
"""

import json
import os
import subprocess
import sys
import time

import numpy as np

from tests.benchmarks.devices import ONE_THREAD

INPUTS, HIDDEN, CLASSES = 1024, 512, 10
BATCHES, DEVICES = (64, 1024), (1, 2, 4)
STEPS, CALLS = {64: 4, 1024: 1}, 8  # short calls, as those by which constants are measured
COLUMNS = [
    "devices",
    "rows each",
    "GFLOP/s each",
    "memory, GB/s each",
    "wire, GB/s",
    "a message, µs",
]


def results(rounds):
    command = [sys.executable, "-m", "tests.benchmarks.devices_constants", str(rounds)]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    constants, steps = json.loads(done.stdout.splitlines()[-1])
    return {
        "devices, constants": {
            "title": "constants of virtual devices of a CPU",
            "columns": COLUMNS,
            "rows": constants,
            "targets": [],
        },
        "devices, prediction": {
            "title": "a step on virtual devices, by the formula",
            "columns": [*steps[0]],
            "rows": steps,
            "targets": [],
        },
    }


def measured(rounds):
    """Both tables: constants of each mesh, and steps as predicted and as timed."""
    from fnet import devices, models, optimizers

    model, optimizer = models.classification_net(CLASSES, HIDDEN, layers=3), optimizers.adam(1e-3)
    meshes = {n: devices.mesh(n) for n in DEVICES}
    runs = {
        (n, size): epoch(model, optimizer, meshes[n], size) for size in BATCHES for n in DEVICES
    }
    machines, seconds = {case: [] for case in runs}, {case: [] for case in runs}
    for _ in range(rounds):
        for (n, size), run in runs.items():
            machines[n, size].append(devices.measured_machine(meshes[n], size // n))
            seconds[n, size].append(run())
    constants, steps = [], []
    for (n, size), took in seconds.items():
        m = fastest(machines[n, size])
        sent = (m.wire / 1e9, m.latency * 1e6) if n > 1 else (None, None)
        figures = n, size // n, m.rate / 1e9, m.memory / 1e9, *sent
        constants.append(dict(zip(COLUMNS, figures, strict=True)))
        work = devices.work_per_device(model, optimizer, (INPUTS,), size, {"data": n})
        cost = devices.step_cost(work, m)
        steps.append(
            {"devices": n, "rows": size}
            | {f"{name}, ms": 1e3 * part for name, part in cost._asdict().items()}
            | {"predicted, ms": 1e3 * cost.total, "measured, ms": 1e3 * min(took)}
            | {"predicted / measured": cost.total / min(took)}
        )
    return constants, steps


def fastest(machines):
    """Of each constant, the best that was measured."""
    rate, memory, wire, latency = zip(*machines, strict=True)
    return type(machines[0])(max(rate), max(memory), max(wire), min(latency))


def epoch(model, optimizer, mesh, size):
    """Run some steps; the seconds of one."""
    from fnet import losses
    from fnet.devices.placements import placement_of
    from fnet.training import make_epoch, start

    place, steps, rng = placement_of(mesh), STEPS[size], np.random.default_rng(0)
    x = rng.normal(size=(size, INPUTS)).astype(np.float32)
    labels = rng.integers(0, CLASSES, size).astype(np.int32)
    x, labels = (place.arrays(each) for each in (x, labels))
    order = place.order(np.stack([rng.permutation(size) for _ in range(steps)]).astype(np.int32))
    state = place.state(start(model, optimizer, (INPUTS,)).state)
    run = make_epoch(model, losses.cross_entropy(), optimizer, placement=place)
    np.asarray(run(state, x, labels, order)[1].loss)  # compiles

    def timed():
        took = []
        for _ in range(CALLS):
            began = time.perf_counter()
            np.asarray(run(state, x, labels, order)[1].loss)
            took.append(time.perf_counter() - began)
        return min(took) / steps

    return timed


if __name__ == "__main__":
    import jax

    jax.config.update("jax_num_cpu_devices", max(DEVICES))
    print(json.dumps(measured(int(sys.argv[1]))))
