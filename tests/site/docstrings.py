"""Prepare docstrings for pages, and check them."""

import functools
import inspect
import pkgutil
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fnet.registry import examples_of
from tests.site.formulas import FormulaError, is_formula, mathml
from tests.site.public import Name, public

OF_PYTHON = (
    "Alias for field number",
    "Create new instance of",
)  # docstrings that named tuples generate
BLOCK = re.compile(r"^    .*(?:\n    .*)*$", re.MULTILINE)  # consecutive indented lines
CODE_OR_TAG = re.compile(rf"{BLOCK.pattern}|^>>> (?:.+\n?)*|`[^`]*`|<(?=\w)", re.MULTILINE)
REFERENCE = re.compile(r"`([A-Za-z_][\w.]*)(?:\([^`]*\))?`")


def typeset(docstring: str) -> str:
    """The docstring as Markdown, its formulas as MathML; code and tables are unchanged.

    A <name> in its words is one, and no tag of HTML, which would not be shown.

    >>> typeset("The way there.\\n\\n    rows -> columns")
    'The way there.\\n\\n    rows -> columns'
    >>> typeset("Texts in root/<class>/, as `<class>`.")
    'Texts in root/&lt;class>/, as `<class>`.'
    >>> typeset("The mean.\\n\\n    m = Σ x / N")[:50]
    'The mean.\\n\\n<div class="formula"><math display="blo'
    """
    if docstring.startswith(OF_PYTHON):
        return ""

    def part_of(match: re.Match[str]) -> str:
        if match[0] == "<":
            return "&lt;"
        if not match[0].startswith("    "):
            return match[0]
        block = "\n".join(line[4:] for line in match[0].split("\n"))
        return f'<div class="formula">{mathml(block)}</div>' if is_formula(block) else match[0]

    return re.sub(r"\n(?=Source: )", "\n\n", CODE_OR_TAG.sub(part_of, docstring))


def registered(name: str) -> str:
    """The sentence about the registered examples of a constructor; nothing for another name.

    >>> registered("squeeze").strip()
    'Registered, and held to every law: `squeeze()` of `(7, 1)`.'
    """
    examples = [
        f"`{text}`" + (f" of `{takes}`" if takes else "") for text, takes in examples_of(name)
    ]
    return f"\n\nRegistered, and held to every law: {', '.join(examples)}." if examples else ""


def problems(names: list[Name]) -> Iterator[str]:
    """The problems of public docstrings, each with its place."""
    known = {part for name in public() for part in (*name.full.split("."), *_fields(name.value))}
    for name in names:
        if not name.docstring:
            yield f"{name.place} has no docstring"
        known_here = known | _identifiers(name.file)
        for docstring in (name.docstring, *_of_methods(name.value)):
            try:
                typeset(docstring)
            except FormulaError as error:
                yield f"{name.place}: a formula that cannot be typeset: {error}"
            for reference in REFERENCE.findall(BLOCK.sub("", docstring)):
                if not (set(reference.split(".")) <= known_here or _is_there(reference)):
                    yield f"{name.place} refers to `{reference}`, which there is not"


def _of_methods(value: Any) -> list[str]:
    members = vars(value).values() if inspect.isclass(value) else ()
    return [inspect.cleandoc(member.__doc__ or "") for member in members if callable(member)]


def _fields(value: Any) -> Iterable[str]:
    return [*vars(value), *inspect.get_annotations(value)] if inspect.isclass(value) else ()


@functools.cache
def _identifiers(path: Path) -> set[str]:
    """The identifiers of a file, and its other tokens, of which a docstring is one."""
    with tokenize.open(path) as file:
        return {token.string for token in tokenize.generate_tokens(file.readline)}


def _is_there(reference: str) -> bool:
    """Whether it is a module, or can be reached through attributes of one."""
    try:
        pkgutil.resolve_name(re.sub(r"^np\b", "numpy", reference))
    except (ImportError, AttributeError, ValueError):
        return False
    return True
