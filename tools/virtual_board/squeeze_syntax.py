"""What squeeze_constants.py and squeeze_names.py both ask of a syntax tree."""

import ast
import re
from collections.abc import Collection, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def identifiers(node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """(node, field, name) of every identifier; one of a list of names has the field "names"."""
    for n in ast.walk(node):
        for field in ("id", "attr", "arg", "asname", "name"):
            name = getattr(n, field, None)
            if isinstance(name, str):
                yield n, field, name
        if isinstance(n, (ast.Global, ast.Nonlocal)):
            for name in n.names:
                yield n, "names", name


def bound_names(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Names that get a value, in any way but as an attribute."""
    for n in nodes:
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load):
            yield n.id
        elif isinstance(n, ast.alias):
            yield n.asname or n.name.split(".")[0]
        elif isinstance(n, (ast.Global, ast.Nonlocal)):
            yield from n.names
        elif isinstance(n, ast.arg):
            yield n.arg
        elif isinstance(n, (*DEFINITIONS, ast.ExceptHandler)) and n.name:
            yield n.name


def own_level(node: ast.AST) -> Iterator[ast.AST]:
    """As ast.walk, but not into the functions and classes below."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield from own_level(child)


def words_in_strings(trees: Collection[ast.AST]) -> set[str]:
    """Whatever in a string could be a name: a word or words with dots between, and in the fields
    of a namedtuple with anything between. What people read is none."""
    found: set[str] = set()
    for n in (n for tree in trees for n in ast.walk(tree)):
        if isinstance(n, ast.Constant) and isinstance(n.value, str):
            if re.fullmatch(r"[\w.]+", n.value):
                found.update(n.value.split("."))
        elif isinstance(n, ast.Call) and getattr(n.func, "id", "") == "namedtuple":
            for field in ast.walk(n):
                if isinstance(field, ast.Constant) and isinstance(field.value, str):
                    found.update(re.findall(r"\w+", field.value))
    return found


def is_load(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load)
