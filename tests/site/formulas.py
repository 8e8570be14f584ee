"""Formulas in docstrings, written as lines of Unicode text, typeset as MathML.

    m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)

One letter is a variable, several are a name from the code. Adjacent names are multiplied; `f(x)`
without a space is a call, `y[label]` an index. The numerator of a fraction is all factors before
its slash, the denominator the one factor after it, or a bracket. Three spaces or more separate
formulas on one line; text without a relation sign is a remark. Anything else is a FormulaError: a
page never shows half a formula.
"""

import html
import re
import unicodedata
from typing import NamedTuple

GREEK = "α-ωΔΦ"
RELATIONS = "=←:<>≤≥≠∈"
PROSE = ("as", "else", "if", "where", "with")  # words allowed in a formula
CLOSING = {"(": ")", "[": "]", "|": "|", "‖": "‖"}
ABOVE = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀᵏⁿᵗˣʸ′", "0123456789+−Tkntxy′", strict=True))
BELOW = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₙₜ", "0123456789+−ijknt", strict=True))
HAT = "\u0302"
THIN = '<mspace width="0.17em"/>'
CALL = "<mo>&#x2061;</mo>"  # the invisible "function application" operator

TOKEN = re.compile(
    rf"""(?P<name>d?[{GREEK}]|[A-Za-z][A-Za-z0-9]*)
    | (?P<hat>{HAT})
    | (?P<number>\d+(\.\d+)?)
    | (?P<above>[{"".join(ABOVE)}]+)
    | (?P<below>[{"".join(BELOW)}]+|_[A-Za-z0-9]+)
    | (?P<dots>\.\.\.|···)
    | (?P<sign>[-+−·/,√Σ∇()\[\]|‖{RELATIONS}])""",
    re.VERBOSE,
)


class FormulaError(ValueError):
    """A formula that cannot be typeset, and why."""


class Token(NamedTuple):
    kind: str
    text: str
    apart: bool  # whether a space precedes it


def is_formula(block: str) -> bool:
    """Whether an indented block is to be typeset: it contains signs that only formulas have.

    >>> is_formula("dx = dy · y (1 − y)"), is_formula("init(key, shape=()) -> params")
    (True, False)
    """
    return ">>>" not in block and bool(re.search(r" [=←] ", block))


def mathml(block: str) -> str:
    """The lines of a block as one table that keeps the alignment of relation signs."""
    lines = [list(_segments(line)) for line in block.splitlines()]
    starts = sorted({start for line in lines for start, _ in line})
    rows = []
    for line in lines:
        row = ["<mtd></mtd>" * 2 * (starts.index(line[0][0]) if line else 0)]
        ends = [starts.index(start) for start, _ in line[1:]] + [len(starts)]
        for (start, text), end in zip(line, ends, strict=True):
            left, right = _cells(text)
            width = 2 * (end - starts.index(start))
            if left:
                row.append(f'<mtd class="left">{left}</mtd>')
            span = width - bool(left)
            row.append(f'<mtd class="right" columnspan="{span}">{right}</mtd>')
        rows.append(f"<mtr>{''.join(row)}</mtr>")
    said = html.escape(" ".join(block.split()))
    table = f'<mtable displaystyle="true">{"".join(rows)}</mtable>'
    return f'<math display="block" alttext="{said}">{table}</math>'


def _segments(line: str):
    """The segments of a line and their columns; spaces before a relation sign only align it."""
    for match in re.finditer(r"\S(?:.*?(?=\s{3,}(?![=←\s])|$))", line.rstrip()):
        yield match.start(), match.group()


def _cells(text: str) -> tuple[str, str]:
    """The part before the first relation sign, and the sign with the rest."""
    if not re.search(r"[=←:]", text):
        return "", _remark(text)
    return _Parser(text).equation()


def _remark(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9 ,()]+", text):
        raise FormulaError(f"{text!r} has no relation sign, and is not of words alone")
    parts = re.split(r"\b((?!a\b)[A-Za-z])\b", text)  # single letters are variables
    odd = [_mi(part) if place % 2 else _text(part) for place, part in enumerate(parts) if part]
    return "".join(odd)


def _mi(name: str) -> str:
    return f"<mi>{name}</mi>"


def _mo(sign: str, **attributes: str) -> str:
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<mo{given}>{html.escape(sign)}</mo>"


def _text(words: str) -> str:
    edge = re.sub(r"^ | $", "\u00a0", words)  # ordinary spaces at the edges would be dropped
    return f"<mtext>{html.escape(edge)}</mtext>"


def _row(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _script(text: str) -> str:
    """A superscript or subscript, as in β₁ᵗ, e⁻ˣ, xᵢ₋₁, n_b."""
    if text.startswith("_"):
        return _mi(text[1:])
    plain = [ABOVE.get(sign) or BELOW[sign] for sign in text]
    kinds = [("mn" if s.isdigit() else "mi" if s.isalpha() else "mo", s) for s in plain]
    return _row(
        ['<mi mathvariant="normal">T</mi>' if s == "T" else f"<{k}>{s}</{k}>" for k, s in kinds]
    )


class _Parser:
    """Parses one formula from left to right; each method parses what its name says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.place = 0
        decomposed = "".join(
            unicodedata.normalize("NFD", sign) if sign.isalpha() else sign for sign in text
        )
        end = 0
        while end < len(decomposed):
            apart = decomposed[end].isspace()
            begin = end + len(decomposed[end:]) - len(decomposed[end:].lstrip())
            match = TOKEN.match(decomposed, begin)
            if match is None:
                self.fail(f"{decomposed[begin]!r} is not known")
            self.tokens.append(Token(str(match.lastgroup), match.group(), apart))
            end = match.end()

    def fail(self, why: str):
        raise FormulaError(f"{self.text!r}: {why}")

    def equation(self) -> tuple[str, str]:
        left = _row(self.side("=←:"))
        sign = self.take()
        right = [_mo(sign.text), *self.side("")]
        if self.place < len(self.tokens):
            self.fail(f"{self.tokens[self.place].text!r} is not expected here")
        return left, _row(right)

    def side(self, ends: str) -> list[str]:
        """Sums separated by relation signs, commas and words, up to one of these ends."""
        found: list[str] = []
        wanted = True  # whether a sum must follow
        while self.peek() and self.peek() not in ends:
            token = self.tokens[self.place]
            if token.kind == "name" and token.text in PROSE:
                found.append(_text(f" {self.take().text} "))
                wanted = True
            elif token.kind == "sign" and token.text in RELATIONS + ",":
                if wanted:
                    self.fail(f"{token.text!r} has nothing before it")
                found.append(_mo(self.take().text))
                wanted = token.text != "," or self.peek() not in ("", ")")  # (M,) is a shape
            elif wanted:
                found.append(_row(self.sum()))
                wanted = False
            else:
                self.fail(f"{token.text!r} is not expected here")
        if wanted:
            self.fail("it ends too early")
        return found

    def sum(self) -> list[str]:
        found = [_mo(self.take().text, form="prefix")] if self.peek() in ("+", "−") else []
        found += self.product()
        while self.peek() in ("+", "−"):
            found += [_mo(self.take().text), *self.product()]
        return found

    def product(self) -> list[str]:
        found = self.fraction()
        while self.peek() == "·":
            found += [_mo(self.take().text), *self.fraction()]
        return found

    def fraction(self) -> list[str]:
        above = self.factors()
        if self.peek() != "/":
            return [part for parts in above for part in parts]
        self.take()
        below = self.factors()
        if len(below) > 1 or self.peek() == "/":
            self.fail("put what is below the line into brackets")
        return [f"<mfrac>{_inside(above)}{_inside(below)}</mfrac>"]

    def factors(self) -> list[list[str]]:
        """The parts of each factor, with the space or call operator before it, and its brackets."""
        found = [self.factor()]
        while (token := self.next()) and self.begins(token):
            before = THIN if token.apart else CALL
            found.append([before, *self.factor()])
        return found

    def begins(self, token: Token) -> bool:
        """Whether a factor begins here, rather than a sign or a word between factors."""
        if token.kind == "sign":
            closes = token.text in "|‖" and token.text in self.open
            return token.text in "√Σ∇([|‖" and not closes
        return token.text not in PROSE

    open: tuple[str, ...] = ()  # brackets still to be closed

    def factor(self) -> list[str]:
        token = self.next()
        if token is None or not self.begins(token):
            self.fail(f"{token.text!r} is not expected here" if token else "it ends too early")
        if token.text == "√":
            self.take()
            return [f"<msqrt>{_inside([self.factor()])}</msqrt>"]
        if token.text == "∇":
            return [_mo(self.take().text), *self.factor()]
        if token.text == "Σ":
            self.take()
            return [self.scripted(_mo("∑"), "munder")]
        if token.text in CLOSING:
            return self.bracket()
        if token.kind in ("above", "below", "hat"):
            self.fail(f"{token.text!r} belongs to nothing")
        self.take()
        if token.kind == "dots":
            return [_mo("…" if token.text == "..." else "⋯")]
        base = f"<mn>{token.text}</mn>" if token.kind == "number" else _mi(token.text)
        if self.kind() == "hat":
            self.take()
            base = f'<mover accent="true">{base}<mo>^</mo></mover>'
        found = [self.scripted(base)]
        while (token := self.next()) and token.text in "([" and not token.apart:
            call = [] if token.text == "[" else [CALL]
            given = self.bracket()
            if call:
                found += call + given
            else:  # an index
                found = [f"<msub>{_row(found)}{_row(given[1:-1])}</msub>"]
        return found

    def bracket(self) -> list[str]:
        begin = self.take().text
        end, before = CLOSING[begin], self.open
        self.open = (*before, end)
        inside = self.side(end)
        self.open = before
        if self.peek() != end:
            self.fail(f"{begin!r} is not closed")
        self.take()
        tall = str("<mfrac>" in "".join(inside)).lower()
        opening = _mo(begin, form="prefix", stretchy=tall)
        around = [opening, *inside, _mo(end, form="postfix", stretchy=tall)]
        return around if self.kind() != "above" else [self.scripted(_row(around))]

    def scripted(self, base: str, below: str = "msub") -> str:
        """The base with its superscripts and subscripts."""
        scripts: dict[str, list[str]] = {"above": [], "below": []}
        while (kind := self.kind()) in scripts:
            scripts[kind].append(_script(self.take().text))
        comma = '<mo separator="true">,</mo>'
        above, under = (_row([comma.join(s)]) if s else "" for s in scripts.values())
        if len(scripts["below"]) > 1:
            under = f"<mrow>{under}</mrow>"
        if above and under:
            return f"<msubsup>{base}{under}{above}</msubsup>"
        if above:
            return f"<msup>{base}{above}</msup>"
        return f"<{below}>{base}{under}</{below}>" if under else base

    def next(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def peek(self) -> str:
        token = self.next()
        return token.text if token else ""

    def kind(self) -> str:
        token = self.next()
        return token.kind if token and not token.apart else ""

    def take(self) -> Token:
        if self.place == len(self.tokens):
            self.fail("it ends too early")
        self.place += 1
        return self.tokens[self.place - 1]


def _inside(factors: list[list[str]]) -> str:
    """Factors in a numerator, denominator or root, without brackets that only group them."""
    parts = [part for factor in factors for part in factor]
    if len(factors) == 1 and (parts[0][-6:], parts[-1][-6:]) == ("(</mo>", ")</mo>"):
        parts = parts[1:-1]
    return _row(parts) if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"
