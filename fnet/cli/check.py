"""`fnet check`: hand-written gradients against autodiff and differences, as a table."""

import functools
import importlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Column, Table

import fnet
from fnet import losses, registry
from fnet.check import Pair, Report, ValueAndGrad, explain
from fnet.check.examine import DEPTHS
from fnet.cli.arguments import Settings, above, command
from fnet.core import Layer, Loss
from fnet.core.examples import drawn
from fnet.core.values import is_constructor, read
from fnet.errors import ConfigurationError, FnetError, nearest

EXAMPLES = """
fnet check                                   every layer, combinator and loss
fnet check --depth quick                     the same in a fraction of the time
fnet check relu 'affine(7, l2=0.1)'          these layers
fnet check 'serial(affine(7), tanh(), affine(3))' --shape 2 5
fnet check my_module:gelu --shape 3 5        a function with a jax.custom_vjp
fnet check course.py:forward,backward --shape 8 5 --shape 5 3 --shape 3
                                             a pair, at random x (8, 5), w (5, 3), b (3,)
"""

SHAPE = (3, 5)  # of one example of a layer that is not registered
BATCH_SIZE = 7  # of the predictions that a loss is given

LIBRARIES = (  # folders of code that is not one's own
    str(Path(fnet.__file__).parent),
    *(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")),
    "<",  # code of no file
)

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
    depth = given.get("depth") or "full"
    for name, check in _checks(given.get("targets", []), given.get("shape")):
        report = _carefully(name, functools.partial(check, depth=depth))
        if report.right:
            table.add_row(name, f"{report.entries:,}", f"{report.error:.1e}", "[green]right")
            own = ":" in name  # of fnet's own layers the conventions are known
            noted += [f"{report.subject}: note: {note}" for note in report.notes if own]
        else:
            wrong.append(str(report))
            kinds = dict.fromkeys(finding.kind for finding in report.findings)
            table.add_row(name, f"{report.entries:,}", "", f"[red]wrong: {', '.join(kinds)}")
    console = Console()
    console.print(table)
    for told in (*wrong, *noted):
        console.print(told, markup=False, highlight=False)
    return 1 if wrong else 0


def _carefully(name: str, check: Callable[[], Report]) -> Report:
    """What it reports; where the functions raise, an error that tells the line."""
    try:
        return check()
    except FnetError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{name}: {_told(error)}") from None


def _told(error: BaseException) -> str:
    """What an error says, after the last line that is no library's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(LIBRARIES)]
    place = f"{own[-1].filename}, line {own[-1].lineno}, `{own[-1].line}`: " if own else ""
    return f"{place}{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _checks(targets: list[str], shapes: list[list[int]] | None) -> Iterator[Check]:
    known = [*registry.names("model"), *registry.names("loss")]
    for name in targets or known:
        if ":" in name:
            yield _of_module(name, shapes or [list(SHAPE)])
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
            takes = made[0][1]
            each = (getattr(losses, name)(reduction) for reduction in losses.REDUCTIONS)
            made = [*((value, takes) for value in each), *made[1:]]
        for value, takes in made[:1] if shapes else made:
            yield _check_of(value, tuple(shapes[0]) if shapes and kind == "model" else takes)


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


def _of_module(name: str, shapes: list[list[int]]) -> Check:
    """Of module:function, module:forward,backward, or module:constructor(…)."""
    place, _, names = name.rpartition(":")
    module = _module(place)
    if "(" in names:
        return _value(read(names, vars(module)), name, shapes)
    found = []
    for part in map(str.strip, names.split(",")):
        if not hasattr(module, part):
            near = nearest(part, [word for word in vars(module) if not word.startswith("_")])
            raise ConfigurationError(
                f"{name}: there is no {part or 'function named'} in {place}{near}"
            )
        found.append(getattr(module, part))
    if len(found) > 2:
        raise ConfigurationError(f"{name}: give a function, or forward,backward")
    subject = Pair(*found) if len(found) == 2 else found[0]
    if isinstance(subject, Layer):
        return name, functools.partial(explain, subject, tuple(shapes[0]))
    if is_constructor(found[0]):
        raise ConfigurationError(f"{name} makes a layer or a loss; call it: '{name}()'")
    if not callable(found[0]) and not isinstance(found[0], Pair | ValueAndGrad):
        kind = type(found[0]).__name__
        raise ConfigurationError(f"{name} is of type {kind}; name a function, a Pair or a layer")
    rng = np.random.default_rng(0)
    arguments = [rng.normal(size=shape) for shape in shapes]
    function = found[0][0] if isinstance(found[0], Pair | ValueAndGrad) else found[0]
    try:
        function(*arguments)
    except Exception as error:
        given = ", ".join(str(tuple(shape)) for shape in shapes)
        raise ConfigurationError(
            f"{name}: at arrays of {given}: {_told(error):.300}; "
            "give a --shape for each of its arguments"
        ) from None
    return name, functools.partial(explain, subject, *arguments)


def _module(place: str) -> Any:
    """The module of this name, or in this file; the folder we are in is looked at first."""
    if not place:
        raise ConfigurationError("name a module or a file before the colon: course.py:forward")
    if place.endswith(".py") and not Path(place).is_file():
        raise ConfigurationError(f"there is no file {place}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except SyntaxError as error:
        raise ConfigurationError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{place}: {error}") from None
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{place}: {_told(error)}") from None
    finally:
        sys.path.pop(0)
