"""The reference: its formulas, and what it refuses. `python -m tests.site` itself is run in CI."""

import re
import types
import xml.etree.ElementTree as ET

import pytest

from tests.site.docstrings import problems, typeset
from tests.site.formulas import FormulaError, is_formula, mathml
from tests.site.links import broken
from tests.site.public import Name, public

SHAPES = {  # of an element with children, in the notation of TeX
    "mfrac": "{{{}}}/{{{}}}",
    "msqrt": "√{{{}}}",
    "msub": "{}_{{{}}}",
    "munder": "{}_{{{}}}",
    "msup": "{}^{{{}}}",
    "msubsup": "{0}_{{{1}}}^{{{2}}}",
    "mover": "{1}{0}",
}


def linear(element: ET.Element) -> str:
    """MathML on one line: ~ is a small space, @ a call, & parts cells, ; ends a row."""
    parts = [linear(part) for part in element]
    text = {"\u2061": "@"}.get(element.text or "", element.text or "")
    match element.tag:
        case "mspace":
            return "~"
        case "mtd":
            return "".join(parts) + "&"
        case "mtr":
            return "".join(parts) + ";"
        case "msqrt":
            return "√{" + "".join(parts) + "}"
        case tag if tag in SHAPES:
            return SHAPES[tag].format(*parts)
    return "".join(parts) or text


def read(formula: str) -> str:
    return linear(ET.fromstring(mathml(formula))).removesuffix(";").removesuffix("&")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y = x wᵀ + b", "y&=x~w^{T}+b"),
        ("v̂ = v / (1 − β₂ᵗ)", "^v&={v}/{1−β_{2}^{t}}"),
        ("ŷ = σ(x · w + b)", "^y&=σ@(x·w+b)"),
        ("θ ← θ − α m̂ / (√v̂ + ε)", "θ&←θ−{α~^m}/{√{^v}+ε}"),
        ("s = √(s + ε)", "s&=√{s+ε}"),
        ("y = 1 / (1 + e⁻ˣ)", "y&={1}/{1+e^{−x}}"),
        ("y = −t / y + (1 − t) / (1 − y)", "y&=−{t}/{y}+{1−t}/{1−y}"),
        ("y = (a − b) · (x − c_1) / N", "y&=(a−b)·{x−c_{1}}/{N}"),
        ("db = Σ_N dy", "db&=∑_{N}~dy"),
        ("m = −log softmax(y)[label]", "m&=−log~softmax@(y)_{label}"),
        ("dx = dy · [y > 0]", "dx&=dy·[y>0]"),
        ("dx = dy · (1 where y > 0, else a)", "dx&=dy·(1\xa0where\xa0y>0,\xa0else\xa0a)"),
        ("value = |y − t|", "value&=|y−t|"),
        ("d = ‖θ − x₀‖ + |a|", "d&=‖θ−x_{0}‖+|a|"),
        ("y = 2 |a| b", "y&=2~|a|~b"),
        ("y = (x + 1)²", "y&=(x+1)^{2}"),
        ("M₂ ← M₂ + M₂_b", "M_{2}&←M_{2}+M_{2,b}"),
        ("xᵢ = fᵢ(xᵢ₋₁)", "x_{i}&=f_{i}@(x_{i−1})"),
        ("dθ = ∇penalty(θ)", "dθ&=∇penalty@(θ)"),
        ("x: (N, d1, ..., dk)", "x&:(N,d1,…,dk)"),
        ("b: (M,)", "b&:(M,)"),
        ("a, b = f(x)", "a,b&=f@(x)"),
    ],
)
def test_a_formula_is_typeset(formula, expected):
    assert read(formula) == expected


def test_relation_signs_that_stand_together_align():
    # Three columns: the second line begins where the second column of the first does.
    assert read("v = a      x = b\n           xx = c      with care").split(";") == [
        "v&=a&x&=b&",
        "&&xx&=c&with care",
    ]
    assert 'columnspan="3"' in mathml("y  = a          y: b\ndx = c    d = e")
    assert read("y    = a\nlong = b") == "y&=a&;long&=b"


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("y = x ⊗ w", "'⊗' is not known"),
        ("y = x - w", "'-'"),
        ("y = (x + 1", "not closed"),
        ("y = x + 1)", "')' is not expected"),
        ("y = |x", "not closed"),
        ("y =", "too early"),
        ("y = x +", "too early"),
        ("y = a + ^ b", "'^' is not known"),
        ("y = a / b c", "brackets"),
        ("y = a / b / c", "brackets"),
        ("y = , a", "nothing before"),
        ("y = √", "too early"),
        ("y = x == a", "nothing before"),
        ("y = ́x", "is not known"),
        ("y = x       α β", "no relation sign"),
        ("é = x", "is not known"),
    ],
)
def test_what_is_not_known_is_refused(formula, why):
    with pytest.raises(FormulaError, match=re.escape(why)):
        mathml(formula)


@pytest.mark.parametrize(
    "block",
    [
        "init(key, shape=()) -> params, out_shape",
        ">>> y = 1",
        "a Layer                          the shape of one example",
    ],
)
def test_programs_and_tables_stay_as_they_are(block):
    assert not is_formula(block)
    docstring = f"Something.\n\n    {block}\n\nMore."
    assert typeset(docstring) == docstring


def test_all_that_is_public_is_right():
    assert [*problems(public())] == []


def test_every_formula_of_fnet_is_typeset():
    pages = {name.full: typeset(name.docstring) for name in public()}
    assert sum("<math" in page for page in pages.values()) >= 22
    assert "<mfrac>" in pages["fnet.optimizers.adam"]


def planted(docstring):
    def function():
        pass

    function.__doc__ = docstring
    function.__module__ = "fnet.core.wiring"
    return Name("fnet.core", "layer", function)


@pytest.mark.parametrize(
    ("docstring", "wrong"),
    [
        (None, "has no docstring"),
        ("Half.\n\n    y = x ∕ 2\n\nOf x.", "cannot be typeset"),
        ("As `forwards` does.", "`forwards`"),
        ("As `fnet.layers.afine` does.", "`fnet.layers.afine`"),
        ("As `jax.numpi.sum(x)` does.", "`jax.numpi.sum`"),
    ],
)
def test_a_mistake_is_told_with_its_place(docstring, wrong):
    (found,) = problems([planted(docstring)])
    assert re.match(r".*/fnet/core/wiring\.py:\d+: fnet\.core\.layer\b", found)
    assert wrong in found


@pytest.mark.parametrize(
    "docstring", ["As `forward` does.", "As `fnet.layers.affine`, `jax.grad` and `np.sum` do."]
)
def test_what_is_there_may_be_referred_to(docstring):
    assert [*problems([planted(docstring)])] == []


def test_a_page_without_a_docstring_is_told():
    page = types.ModuleType("fnet.core")
    assert any("has no docstring" in found for found in problems([Name("fnet.core", "", page)]))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ('<a href="b.html">', "b.html leads nowhere"),
        ('<a href="a.html#there">', "a.html#there leads nowhere"),
        ('<a class="x" href="#there">', "#there leads nowhere"),
        ('<script src="https://example.org/x.js"></script>', "loaded from elsewhere"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "loaded from elsewhere"),
        ("<style>a {background: url('http://example.org/x.png')}</style>", "loaded from elsewhere"),
    ],
)
def test_a_page_is_whole(tmp_path, content, wrong):
    (tmp_path / "a.html").write_text(f"<html>{content}</html>", "utf-8")
    (found,) = broken(tmp_path)
    assert wrong in found


def test_links_that_lead_somewhere_are_left_alone(tmp_path):
    text = '<a id="here" href="#here"></a><a href="a.html#here"></a><a href="https://example.org">'
    (tmp_path / "a.html").write_text(text, "utf-8")
    assert [*broken(tmp_path)] == []
