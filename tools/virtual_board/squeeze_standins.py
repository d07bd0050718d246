"""The stand-ins' own names become words that MicroPython has in its ROM.

Every new name costs a relay's heap some 20 bytes, and each time their number has doubled a table
for as many again in one piece: 4 KB for the 311th. On an ESP32 what they stand for is in ROM.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

from tools.virtual_board.rom_words import WORDS
from tools.virtual_board.squeeze_syntax import bound_names, identifiers, is_load, words_in_strings

_CALLED_FROM_C = {"ioctl", "readblocks", "writeblocks", "read", "readinto", "write"}


def shorten(sources: Mapping[Path, str], taken: Mapping[Path, str]) -> dict[Path, str]:
    """Sources to the same with other names for what nobody else names. `taken`: who uses them; no
    word of theirs is used. Raises SyntaxError if one does not parse."""
    trees = {path: ast.parse(text, str(path)) for path, text in sources.items()}
    users = [ast.parse(text) for text in taken.values()]
    outside = {name for tree in users for _, _, name in identifiers(tree)}
    in_strings = words_in_strings([*trees.values(), *users])
    members = {name for tree in trees.values() for name in _members(tree)}
    members -= outside | in_strings | _CALLED_FROM_C
    private = sorted(members | {name for tree in trees.values() for name in _private(tree)})
    known = {name for tree in trees.values() for _, _, name in identifiers(tree)}
    known |= outside | in_strings
    names = dict(zip(private, (word for word in WORDS if word not in known), strict=False))
    for tree in trees.values():
        for node, field, name in list(identifiers(tree)):
            if field != "names":
                setattr(node, field, names.get(name, name))
    return {path: ast.unparse(tree) + "\n" for path, tree in trees.items()}


def _members(tree: ast.Module) -> set[str]:
    """Methods, and what objects keep; not what is a name in some other way too, an import's for
    instance."""
    nodes = list(ast.walk(tree))
    found = {n.attr for n in nodes if isinstance(n, ast.Attribute) and not is_load(n)}
    for n in nodes:
        if isinstance(n, ast.ClassDef):
            found |= {f.name for f in n.body if isinstance(f, ast.FunctionDef)}
    others = {n.id for n in nodes if isinstance(n, ast.Name)}
    others |= {a.name for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names}
    others |= {a.arg for n in nodes if isinstance(n, ast.arguments) for a in ast.walk(n)
               if isinstance(a, ast.arg)}  # fmt: skip
    others |= {k.arg for n in nodes if isinstance(n, ast.Call) for k in n.keywords if k.arg}
    return {name for name in found - others if not name.startswith("__")}


def _private(tree: ast.Module) -> set[str]:
    """Names with one underscore that get their value here; not constants: the compiler drops
    those."""
    nodes = list(ast.walk(tree))
    bound = set(bound_names(iter(nodes)))
    bound |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and not is_load(n)}
    constants = {
        n.targets[0].id
        for n in nodes
        if isinstance(n, ast.Assign)
        and isinstance(n.targets[0], ast.Name)
        and isinstance(n.value, ast.Call)
        and getattr(n.value.func, "id", "") == "const"
    }
    return {n for n in bound - constants if n.startswith("_") and not n.startswith("__")}
