"""The API reference as a static site: `python -m tests.site` builds it in site/ (extra `docs`).

It fails, naming the place, for a public name without a docstring, a name in backticks that does not
exist, a formula that cannot be typeset, a word lost in Markdown, a broken link, anything that a
page would load from another host, and any warning of pdoc.
"""
# ruff: noqa: E402 (chex is changed before fnet is imported)

import html
import importlib
import inspect
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import chex

# pdoc would expand these unions; as classes, they appear in signatures as in the source.
for alias in ("Array", "ArrayTree", "Numeric", "PRNGKey"):
    setattr(chex, alias, type(alias, (), {"__module__": "chex"}))

import pdoc
import pdoc.render
import pdoc.render_helpers

from tests.site.docstrings import problems, registered, typeset
from tests.site.links import broken, without_hidden
from tests.site.public import PAGES, Name, public, variables

HERE = Path(__file__).parent


def main() -> int:
    folder = HERE.parents[1] / "site"
    warnings.simplefilter("error")
    wrong = [*problems(public())] or [*misread(public())]
    if not wrong:
        build(folder)
        wrong = [*broken(folder)]
    print("\n".join(wrong) or f"{folder}/index.html: {len(PAGES)} pages", file=sys.stderr)
    return int(bool(wrong))


def build(folder: Path) -> None:
    """Build the pages of `public()`, with pdoc's own search and sources."""
    for page in PAGES:
        listed = [name for name in public() if name.page == page and name.name]
        if not PAGES[page]:  # functions before classes
            listed.sort(key=lambda name: inspect.isclass(name.value))
        names = [name.name for name in listed] + variables(page)
        module = importlib.import_module(page)
        module.__all__ = names
        for name in listed:
            vars(module)[name.name].__doc__ = f"{name.docstring}{registered(name.name)}"
    pdoc.render.configure(docformat="markdown", template_directory=HERE / "template")
    pdoc.render.env.filters["to_markdown"] = typeset
    shutil.rmtree(folder, ignore_errors=True)
    others = "|".join(map(re.escape, PAGES))
    pdoc.pdoc(*PAGES, f"!(?!({others})$)", output_directory=folder)
    for path in folder.rglob("*.html"):
        path.write_text(without_hidden(path.read_text("utf-8")), "utf-8")


def misread(names: list[Name]) -> Iterator[str]:
    """Docstrings that Markdown alters, such as a star that it takes for emphasis."""
    for name in names:
        page = pdoc.render_helpers.to_html(typeset(name.docstring))
        shown = html.unescape(re.sub(r"<math.*?</math>|<.*?>", "", page, flags=re.DOTALL))
        written = html.unescape(re.sub(r"<div.*?</div>", "", typeset(name.docstring)))
        for was, is_ in zip(_words(written), _words(shown), strict=False):
            if was != is_:
                yield f"{name.place} is written {was!r} and shown {is_!r}: use backticks"
                break


def _words(text: str) -> list[str]:
    return [*text.replace("`", "").split(), "the end"]


if __name__ == "__main__":
    sys.exit(main())
