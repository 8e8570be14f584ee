"""RESULTS.md, made of results.json."""

from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "RESULTS.md"
JSON = Path(__file__).parent / "results.json"

NOTES = """\
Written by `python -m tests.mutants`. `jax.test_util` is `check_grads(modes=["rev"], order=1)` and
`chex` is `assert_numerical_grads(order=1, modes=["rev"])`, both in float32, JAX's default, with
their own tolerances; `torch gradcheck` runs in float64, the gradient in an `autograd.Function`.
n/a: the tool cannot run it, as JAX's cannot run NumPy. Whatever a tool raises counts as caught. A
diagnosis is right if the kind of the first finding is one of those written down beside the mistake.
"""


def summary(results: dict[str, Any]) -> list[str]:
    """A sentence for each tool, ours first."""
    rows = results["mutants"]
    caught, right = (sum(row[field] for row in rows) for field in ("caught", "right"))
    lines = [f"fnet.check caught {caught} of {len(rows)}, diagnosis right {right} of {len(rows)}."]
    for tool in rows[0]["others"]:
        said = [row["others"][tool] for row in rows if row["others"][tool] != "n/a"]
        left = len(rows) - len(said)
        also = f" ({left} n/a)" if left else ""
        lines.append(f"{tool} caught {said.count('caught')} of {len(said)}{also}.")
    return lines


def text(results: dict[str, Any]) -> str:
    rows = results["mutants"]
    tools = list(rows[0]["others"])
    lines = ["# Mistakes, and who catches them", ""]
    lines += [f"- {line}" for line in summary(results)]
    lines += ["", *NOTES.splitlines()]
    for origin, title in (("planted", "Planted by hand"), ("generated", "Generated")):
        lines += ["", f"## {title}", "", f"| mistake | fnet.check said | {' | '.join(tools)} |"]
        lines.append("|---|---|" + "---|" * len(tools))
        lines += [_line(row, tools) for row in rows if row["origin"] == origin]
    lines += ["", "## Changes that change no gradient", ""]
    lines += [f"- `{name}`: {why}" for name, why in results["equivalent"].items()]
    lines += ["", "## Changes that do not run", "", *(f"- `{n}`" for n in results["broken"])]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any], tools: list[str]) -> str:
    said = row["said"] or "**nothing**"
    if row["caught"] and not row["right"]:
        said += f" (it is: {' / '.join(row['expected'])})"
    others = (row["others"][tool] for tool in tools)
    return f"| `{_quoted(row['name'])}` | {said} | {' | '.join(others)} |"


def _quoted(name: str) -> str:
    return name.replace("|", "\\|")
