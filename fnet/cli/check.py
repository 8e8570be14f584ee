"""`fnet check`: hand-written gradients against autodiff and differences, as a table."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from fnet import losses, registry
from fnet.check import Report, explain, thresholds
from fnet.check.examine import DEPTHS, STOPPED
from fnet.check.subjects.forms import OF
from fnet.check.truth.domain import NAMED
from fnet.cli import functions
from fnet.cli.arguments import Settings, command
from fnet.cli.functions import told
from fnet.cli.values import above
from fnet.core import Layer, Loss
from fnet.core.examples import drawn
from fnet.core.values import read
from fnet.errors import ConfigurationError, FnetError, nearest

EXAMPLES = """
fnet check                                   every layer, combinator and loss
fnet check --depth quick                     the same in a fraction of the time
fnet check relu 'affine(7, l2=0.1)'          these layers
fnet check 'serial(affine(7), tanh(), affine(3))' --shape 2 5
fnet check my_module:gelu --shape 3 5        a function with a jax.custom_vjp
fnet check course.py:forward,backward --shape 8 5 --shape 5 3 --shape 3
                                             a pair, at random x (8, 5), w (5, 3), b (3,)
fnet check course.py:dropout_forward,dropout_backward --arguments inputs.py
                                             at the arguments that the file defines
fnet check course.py:loss --arguments inputs.py --constants X y
                                             (loss, dw) of (w, X, y)
fnet check newton.py:gradient,hessian --shape 5 --of hessian
fnet check models.py:log_likelihood --arguments inputs.py --domain p=probability scale=positive
"""

SHAPE = (3, 5)  # of one example of a layer that is not registered
BATCH_SIZE = 7  # of the predictions that a loss is given

OPTIONS = ("constants", "of", "seed")  # of functions, passed on as they are given

Check = tuple[str, Callable[..., Report]]


def add(commands: Any) -> None:
    """Register the command."""
    summary = "compare hand-written gradients with autodiff, entry by entry in float64"
    parser = command(commands, "check", run, summary, EXAMPLES)
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="WHAT",
        help="a layer, a combinator or a loss, by name or as a call; module:function or "
        "file.py:function of JAX; module:forward,backward (default: all that fnet has)",
    )
    parser.add_argument(
        "--shape",
        nargs="+",
        type=above(0, int),
        action="append",
        metavar="N",
        help="of one example of a layer; of an argument of a function, once for each",
    )
    parser.add_argument(
        "--arguments",
        metavar="FILE.py",
        help="a file whose `arguments` are those of a function: a tuple, a dict by the names of "
        "parameters (arrays, labels, dicts, keys), or a function that returns one",
    )
    parser.add_argument(
        "--constants",
        nargs="+",
        type=lambda word: int(word) if word.lstrip("-").isdigit() else word,
        metavar="NAME",
        help="arguments of a function that are not differentiated, by name or position from 0",
    )
    parser.add_argument(
        "--of",
        choices=OF,
        help="hessian: a Hessian, or its product with a vector, against a gradient",
    )
    parser.add_argument(
        "--seed", type=above(-1, int), metavar="N", help="of random arguments (default 0)"
    )
    parser.add_argument(
        "--domain",
        nargs="+",
        action="extend",
        metavar="NAME=DOMAIN",
        help=f"where a function is meant to be called, by argument: {', '.join(NAMED)}",
    )
    parser.add_argument(
        "--rtol",
        type=above(0, float),
        help="the relative precision of a function that has less than float64's, such as a solver",
    )
    parser.add_argument(
        "--limit",
        type=above(0, float),
        metavar="SECONDS",
        help=f"for each; what is examined by then is reported (default {thresholds.LIMIT:g})",
    )
    parser.add_argument(
        "--depth",
        choices=DEPTHS,
        help="quick compiles little: three points, one direction of differences (default full)",
    )


def run(given: Settings) -> int:
    """Run the command; the exit status is 1 where a gradient is wrong."""
    table = Table(
        Column("gradient of", overflow="fold"), "entries checked", "largest error", "verdict"
    )
    wrong: list[str] = []
    noted: list[str] = []
    options = {name: given[name] for name in ("depth", "rtol", "limit") if given.get(name)}
    if given.get("domain"):
        options["domain"] = _domains(given["domain"])
    for name, check in _checks(given):
        report = _carefully(name, functools.partial(check, **options))
        if report.right:
            table.add_row(name, f"{report.entries:,}", f"{report.error:.1e}", "[green]right")
            own = ":" in name  # of fnet's own layers the conventions are known
            shown = [note for note in report.notes if own or note.startswith(STOPPED)]
            noted += [f"{report.subject}: note: {note}" for note in shown]
        else:
            wrong.append(str(report))
            kinds = dict.fromkeys(finding.kind for finding in report.findings)
            table.add_row(name, f"{report.entries:,}", "", f"[red]wrong: {', '.join(kinds)}")
    console = Console()
    console.print(table)
    for message in (*wrong, *noted):
        console.print(message, markup=False, highlight=False)
    return 1 if wrong else 0


def _domains(words: list[str]) -> dict[str, str]:
    """The domains by argument, of NAME=DOMAIN."""
    for word in words:
        if "=" not in word:
            raise ConfigurationError(
                f"--domain {word}: give NAME=DOMAIN, such as p=probability; the domains are "
                f"{', '.join(NAMED)}"
            )
    return dict(word.split("=", 1) for word in words)


def _carefully(name: str, check: Callable[[], Report]) -> Report:
    """What it reports; where the functions raise, an error that tells the line."""
    try:
        return check()
    except FnetError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{name}: {told(error)}") from None


def _checks(given: Settings) -> Iterator[Check]:
    targets, shapes = given.get("targets"), given.get("shape")
    known = [*registry.names("model"), *registry.names("loss")]
    for name in targets or known:
        if ":" in name:
            yield _of_module(name, given)
        elif "(" in name:
            vocabulary = {**registry.VOCABULARY["model"], **registry.VOCABULARY["loss"]}
            yield _value(read(name, vocabulary), name, shapes)
        elif name in known:
            yield from _registered(name, shapes)
        else:
            raise ConfigurationError(
                f"{name} is neither a layer nor a loss; choose of {', '.join(known)}, or name "
                f"functions: module:function, or file.py:forward,backward{nearest(name, known)}"
            )


def _registered(name: str, shapes: list[list[int]] | None) -> Iterator[Check]:
    """Every registered example of this name, a loss in each of its reductions."""
    for kind in ("model", "loss"):
        made = [
            (value, takes)
            for value, takes in registry.examples(kind)
            if repr(value).split("(")[0] == name
        ]
        if kind == "loss" and made:
            first, takes = made[0]
            made = [*((value, takes) for value in _reduced(first)), *made[1:]]
        for value, takes in made[:1] if shapes else made:
            yield _check_of(value, tuple(shapes[0]) if shapes and kind == "model" else takes)


def _reduced(loss: Loss) -> list[Loss]:
    """The loss in each of its reductions, if it has a choice."""
    make, args, settings = loss.made
    arguments = inspect.signature(make).bind(*args, **settings).arguments
    if "reduction" not in arguments:
        return [loss]
    return [make(**arguments | {"reduction": how}) for how in losses.REDUCTIONS]


def _value(made: Any, name: str, shapes: list[list[int]] | None) -> Check:
    """Of a layer or a loss, given what the first example of its name takes."""
    kind = name.rpartition(":")[2].split("(")[0]
    examples = registry.examples_of(kind)
    takes = examples[0][1] if examples else SHAPE
    if isinstance(made, Layer):
        return _check_of(made, tuple(shapes[0]) if shapes else takes)
    if isinstance(made, Loss) and kind in registry.names("loss"):
        return _check_of(made, takes)
    raise ConfigurationError(f"{name} makes a {type(made).__name__}; name a layer or a loss")


def _check_of(made: Layer | Loss, takes: Any) -> Check:
    arguments = drawn(takes, BATCH_SIZE) if isinstance(made, Loss) else (takes,)
    return repr(made), functools.partial(explain, made, *arguments)


def _of_module(name: str, given: Settings) -> Check:
    """Of module:function, module:forward,backward, or module:constructor(…)."""
    shapes = given.get("shape")
    found = functions.named(name)
    if not found.subjects:
        return _value(read(found.words, vars(found.module)), name, shapes)
    subject = found.subjects[0]
    if isinstance(subject, Layer):
        return name, functools.partial(explain, subject, tuple((shapes or [list(SHAPE)])[0]))
    seed, file = given.get("seed", 0), given.get("arguments")
    arguments = functions.given(name, subject, shapes or [list(SHAPE)], file, seed)
    options = {word: given[word] for word in OPTIONS if word in given}
    return name, functools.partial(explain, *found.subjects, *arguments, **options)
