"""Compiled programs, cached across examinations by what they compute.

The identity of a function does not determine what it computes: the functions that it calls and the
data that it reads may change, above all in a notebook. So every examination traces it again, and
compiles only if the trace is new.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from fnet.check import thresholds
from fnet.check.checks.programs import compiled, rebuilt
from fnet.check.subjects.subject import Subject
from fnet.check.truth.arguments import Layout, Same, in_numpy, signature
from fnet.check.truth.loops import has_loop

ADDRESS = re.compile(" at 0x[0-9a-f]+")  # of a function in the text of a trace
Programs = dict[str, Callable[..., Any]]
_programs: dict[Any, Programs] = {}  # least recently used first


class Trace(NamedTuple):
    """The trace of a function, the shapes it returns, and a digest of its code and constants."""

    closed: Any  # None where JAX cannot trace it
    given: Any
    digest: tuple[str, str]


def traces(
    subject: Subject, form: Layout, inputs: Any, dout: Any, only: tuple[str, ...] = ()
) -> dict[str, Trace]:
    """The traces of the subject's functions: "plain", "out", and "route " with the name of each; or
    `only` some of these."""
    traced: dict[str, Callable[..., Any]] = {}
    plain = subject.plain
    if plain is not None and not (subject.traceable and plain is subject.forward):
        traced["plain"] = lambda inputs, dout: plain(*rebuilt(form, inputs))
    if subject.traceable:
        traced["out"] = lambda inputs, dout: subject.forward(*rebuilt(form, inputs))
        for name, route in subject.routes.items():
            traced[f"route {name}"] = lambda inputs, dout, by=route: by(
                dout, *rebuilt(form, inputs)
            )
    return {
        name: _trace(function, inputs, dout)
        for name, function in traced.items()
        if not only or name in only
    }


def kept(subject: Subject, form: Layout, traced: dict[str, Trace]) -> Programs:
    """The programs of this subject for arguments of this layout."""
    arguments = form.rebuild([form.leaves[place] for place in form.places])
    digest = [(name, *trace.digest) for name, trace in traced.items()]
    key = tuple(map(Same, subject.of)), signature(arguments), tuple(digest)
    found = _programs.pop(key, None) or compiled(
        subject, form, is_large(form) and has_loops(traced)
    )
    _programs[key] = found
    while len(_programs) > thresholds.PROGRAMS:
        del _programs[next(iter(_programs))]
    return found


def has_loops(traced: dict[str, Trace]) -> bool:
    """Whether one of these contains a loop of more than a few steps."""
    known = [trace.closed for trace in traced.values() if trace.closed is not None]
    return any(has_loop(closed, thresholds.FEW_STEPS) for closed in known)


def is_large(form: Layout) -> bool:
    """Whether evaluating the subject costs more than compiling it."""
    sizes: list[int] = [form.leaves[place].size for place in form.places]
    return sum(sizes) > thresholds.COMPILED_FROM


def _trace(function: Callable[..., Any], inputs: Any, dout: Any) -> Trace:
    try:
        closed, given = jax.make_jaxpr(function, return_shape=True)(inputs, dout)
    except Exception as error:  # of any kind: raised again when it is run
        return Trace(None, None, (str(type(error)), ""))
    digest = hashlib.sha256()
    for const in constants_of(closed):
        digest.update(in_numpy(const).tobytes())
    return Trace(closed, given, (ADDRESS.sub("", str(closed)), digest.hexdigest()))


def constants_of(closed: Any) -> Iterator[Any]:
    """The arrays that a trace contains."""
    yield from getattr(closed, "consts", ())
    for eqn in getattr(closed, "jaxpr", closed).eqns:
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                    yield from constants_of(inner)
