"""`python -m tests.conventions`: run the three libraries, record their paths, write RESULTS.md.

It needs PyTorch and Keras (pip install torch keras), with KERAS_BACKEND=jax.
"""

import importlib.metadata
import json
import os
from pathlib import Path

from tests.conventions.rows import LOSSES, PLATEAUS, ROWS, SCHEDULES
from tests.conventions.running import (
    KEPT,
    PLATEAU,
    RUN,
    TIMES,
    by_fnet,
    difference,
    plateau_fnet,
    times_fnet,
)

RECORDED = Path(__file__).parents[1] / "recorded" / "trajectories.json"
RESULTS = Path(__file__).with_name("RESULTS.md")
NAMES = {"torch": "PyTorch", "keras": "Keras", "optax": "optax"}


def main() -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    versions = {name: importlib.metadata.version(name) for name in NAMES}
    paths, times, lines = {}, {}, []
    for row in ROWS:
        path = RUN[row.library](row.theirs, row.changes, row.wide)
        if row.library != "optax":  # which the tests run
            paths[row.label] = [path[step] for step in KEPT]
        same = difference(by_fnet(row.ours, row.changes, row.wide), path)
        plain = difference(by_fnet(row.default, row.changes, row.wide), path)
        default = "" if row.ours == row.default else f"{plain:.0e}"
        theirs = f"`{row.theirs}`{', wide' * row.wide}"
        lines.append(f"| {NAMES[row.library]} | {theirs} | `{row.ours}` | {same:.0e} | {default} |")
        print(lines[-1], flush=True)
    later = []
    for row in SCHEDULES:
        values = TIMES[row.library](row.theirs, row.steps)
        if row.library != "optax":
            times[f"{row.library}: {row.theirs}"] = values
        same = difference(times_fnet(row.ours, row.steps), values)
        later.append(
            f"| {NAMES[row.library]} | `{row.theirs}` | `{row.ours}` | {same:.0e} | {row.note} |"
        )
        print(later[-1], flush=True)
    plateaus = {library: run(LOSSES) for library, run in PLATEAU.items()}
    for library, patience in PLATEAUS.items():
        equal = plateaus[library] == plateau_fnet(LOSSES, patience)
        print(library, "plateau", equal, plateaus[library])
    kept = {"versions": versions, "paths": paths, "schedules": times, "plateaus": plateaus}
    RECORDED.write_text(json.dumps(kept, indent=0) + "\n", "utf-8")
    RESULTS.write_text(page(versions, lines, later), "utf-8")


def page(versions: dict[str, str], lines: list[str], later: list[str]) -> str:
    """RESULTS.md."""
    numbers = ", ".join(f"{NAMES[name]} {version}" for name, version in versions.items())
    return "\n".join(
        [
            "# Whose convention is which",
            "",
            f"Written by `python -m tests.conventions`, which ran {numbers} and fnet in float64.",
            "",
            "## Optimizers",
            "",
            "50 steps on a fixed problem of a 3 x 2 matrix and a vector (*wide*: 2 x 3); α is 0.01,"
            " and 0.005 from step 25 on (`rprop`, `ftrl`: 0.01). *Differs* is the largest "
            "difference of any parameter after any step, relative to the larger of 1 and the "
            "parameter; *default* is that of fnet without the arguments that choose a convention. "
            "PyTorch's Muon iterates in bfloat16.",
            "",
            "| library | there | here | differs | default |",
            "|---|---|---|---|---|",
            *lines,
            "",
            "## Schedules",
            "",
            "The first update is step 0. Compared are all steps up to beyond the end, or up to it "
            "where a note says that the library goes another way.",
            "",
            "| library | there | here | differs | |",
            "|---|---|---|---|---|",
            *later,
            "",
            "## Plateau",
            "",
            "With `patience=2`, PyTorch reduces the rate at the third loss without improvement, as "
            "`plateau(optimizer, patience=2)` does; Keras and optax at the second, as `patience=1`"
            " does.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
