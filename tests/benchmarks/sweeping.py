"""Nine trainings at once, vectorised, against one after the other: does `sweep` choose well?

Both ways are `sweep`'s own, over the same epochs, timed from the first record on, which waits for
the compiler; rounds alternate their order.
"""

import time
from typing import Any

import numpy as np

from fnet import data, losses, models, optimizers
from fnet.core import Layer, Loss
from fnet.layers import tanh
from fnet.training.sweeping import sweep

RATES, SEEDS = (1e-4, 1e-3, 1e-2), (0, 1, 2)
WAYS = {"at once": True, "one by one": False}


def results(rounds: int) -> dict[str, dict]:
    rows = [_measure(*case, rounds) for case in _cases()]
    targets = [
        {
            "against": f"the way not taken, {row['network']}",
            "target": 1.0,
            "ratio": row["at once is"]
            if row["sweep takes"] == "at once"
            else 1 / row["at once is"],
        }
        for row in rows
    ]
    title = "nine trainings, the way that sweep takes"
    return {
        "sweeping": {"title": title, "columns": list(rows[0]), "rows": rows, "targets": targets}
    }


def _cases() -> list[tuple[str, Layer, Loss, Any, int, int]]:
    """(name, model, loss, data, batch size, epochs), from the smallest to the largest."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(876, 14)).astype(np.float32)
    houses = data.memory({"features": features, "label": np.arange(876) % 2}, ("low", "high"))
    pixels = rng.integers(0, 256, (3000, 32, 32, 3), np.uint8)
    images = data.memory(
        {"image": pixels, "label": np.arange(3000) % 10}, tuple("abcdefghij"), data.rescale()
    )
    narrow = models.classification_net(2, hidden=16, layers=3, activation=tanh())
    wide, ten = models.classification_net(2, hidden=100), models.classification_net(10)
    cross_entropy = losses.cross_entropy()
    return [
        ("logistic 14", models.logistic_regression(), losses.bce(), houses, 128, 40),
        ("14-16-16-2", narrow, cross_entropy, houses, 128, 20),
        ("14-100-2", wide, cross_entropy, houses, 128, 20),
        ("3072-100-10", ten, cross_entropy, images, 128, 3),
    ]


def _measure(
    name: str, model: Layer, loss: Loss, dataset: Any, batch_size: int, epochs: int, rounds: int
) -> dict[str, Any]:
    def seconds(together: bool | None) -> float:
        records = sweep(
            *(model, loss, optimizers.adam(1e-3), dataset),
            **{"learning_rates": RATES, "seeds": SEEDS, "epochs": epochs + 1},
            **{"batch_size": batch_size, "together": together},
        )
        next(records)
        begun = time.perf_counter()
        *_, _ = records
        return time.perf_counter() - begun

    ratios = []
    for number in range(rounds):
        order = WAYS if number % 2 == 0 else reversed(WAYS)
        found = {way: seconds(WAYS[way]) for way in order}
        ratios.append(found["one by one"] / found["at once"])
    return {
        "network": name,
        "batch": batch_size,
        "at once is": float(np.median(ratios)),
        "least": min(ratios),
        "sweep takes": _taken(model, loss, dataset, batch_size),
    }


def _taken(model: Layer, loss: Loss, dataset: Any, batch_size: int) -> str:
    from fnet.training import sweeping as module

    optimizer = optimizers.adam(1e-3)
    record = module._begin(model, optimizer, dataset, RATES[0], SEEDS[0])
    return "at once" if module._pays(record, batch_size) else "one by one"
