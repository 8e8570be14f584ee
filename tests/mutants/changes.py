"""Small changes to an expression, each with the kinds of mistake that it may be called."""

import ast
from collections.abc import Iterator

Alternatives = Iterator[tuple[str, ast.expr]]

FACTOR = "factor/mean or sum"
FORMULA = "derivative/factor missing/factor extra/derivative missing/term missing/sign of a term"
NUMBERS = ("strength", "n", "a", "2 * strength")


def whole(node: ast.expr) -> Alternatives:
    """Changes to the whole of a gradient, where it is one array."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Affine"):
        yield "sign", ast.UnaryOp(ast.USub(), node)
        yield "zeros", ast.BinOp(node, ast.Mult(), ast.Constant(0))


def alternatives(node: ast.AST) -> Alternatives:
    """What may stand in the place of this node."""
    if isinstance(node, ast.BinOp):
        yield from _of_two(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_two(node: ast.BinOp) -> Alternatives:
    left, right = node.left, node.right
    if isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield "sign of a term/derivative/sign of an input", ast.BinOp(left, other, right)
        one = "/derivative missing" if ast.unparse(left) == "1" else ""
        yield "term missing/derivative" + one, left
        minus = isinstance(node.op, ast.Sub)
        yield "term missing/derivative", ast.UnaryOp(ast.USub(), right) if minus else right
        if isinstance(left, ast.Constant):
            more = ast.Constant(left.value + 1)
            yield "derivative/factor of a term/constant", ast.BinOp(more, node.op, right)
        return
    other = ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult()
    scaled = FACTOR if _is_number(right) else FORMULA
    if ast.unparse(left) == ast.unparse(right):
        scaled = f"{FORMULA}/zeros"  # 1 − y / y
    if ast.unparse(right) == "dy":
        scaled = "not linear"
    yield scaled, ast.BinOp(left, other, right)
    shape = "/shape" if isinstance(left, ast.Constant) else ""
    yield _dropped(right) + shape, left
    if isinstance(node.op, ast.Mult):
        yield _dropped(left), right
    if isinstance(left, ast.Constant):
        yield "factor", ast.BinOp(ast.Constant(left.value + 1), node.op, right)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or ast.unparse(node) in NUMBERS


def _dropped(node: ast.expr) -> str:
    if _is_number(node):
        return FACTOR + "/derivative missing"
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return "upstream ignored" if "dy" in names else FORMULA


def _of_call(node: ast.Call) -> Alternatives:
    called = ast.unparse(node.func)
    if called == "jnp.where":
        yield from _of_where(node)
    elif called.endswith(".sum"):
        yield "mean or sum", ast.Call(ast.Attribute(node.func.value, "mean"), node.args, [])
        yield "wrong axis/shape", ast.Call(node.func, [ast.Constant(1)], [])
    elif called in ("product", "transposed_product"):
        for place in range(2):
            yield "sign", _with(node, place, "-{}")
        yield "upstream ignored", _with(node, 0, "0 * {} + 1")
        yield "factor missing", _with(node, 1, "0 * {} + 1")
    elif called == "jnp.zeros_like":
        yield "not zero", node.args[0]
        yield "zeros", _with(node, 0, "-{}")
    elif called == "jax.lax.logistic":
        yield "derivative/evaluated at the input", node.args[0]


def _of_where(node: ast.Call) -> Alternatives:
    test, yes, no = node.args
    masks = isinstance(test, ast.Compare)
    nan = "nan" in ast.unparse(no)
    yield "not finite" if nan else "mask inverted", ast.Call(node.func, [test, no, yes], [])
    yield "derivative missing" if masks else "not zero/mask inverted", yes
    no_kinds = "zeros" if ast.unparse(no) == "0" else "derivative/factor/factor of a term"
    yield "not finite" if nan else no_kinds, _with_zero(yes, no)
    if masks:
        bound = ast.Constant(test.comparators[0].value + 1)
        less = ast.Compare(test.left, [ast.Lt()], test.comparators)
        more = ast.Compare(test.left, [ast.GtE()], test.comparators)
        high = ast.Compare(test.left, test.ops, [bound])
        yield "mask inverted/zeros", ast.Call(node.func, [less, yes, no], [])
        yield "derivative missing", ast.Call(node.func, [more, yes, no], [])
        yield "derivative/mask of another array", ast.Call(node.func, [high, yes, no], [])


def _with(node: ast.Call, place: int, form: str) -> ast.Call:
    given = list(node.args)
    given[place] = ast.parse(form.format(ast.unparse(given[place])), mode="eval").body
    return ast.Call(node.func, given, [])


def _with_zero(yes: ast.expr, no: ast.expr) -> ast.expr:
    return ast.parse(f"0 * {ast.unparse(yes)} + {ast.unparse(no)}", mode="eval").body
