"""Device sources made smaller before they are compiled: the same meaning in less heap.

MicroPython keeps every identifier it has ever loaded (16 bytes of an ESP32's heap, 27 here), also
those of modules that were forgotten again, and every global takes a place in its module's dict and
in that of whoever imports it. So, over all files together:

- integer constants (NAME = 1 << 4 at the top of a module) become literals where they are used,
  also in other modules; their assignments go, and so do imports of ours that nothing refers to,
  unless loading that module does something;
- functions and methods that nothing names go (what only a gateway calls), and so do empty classes
  that are only another one's base (errors that only a gateway catches);
- names that only their own file uses, plainly or as self.name, become the same few in all files,
  except that files joined by inheritance share one name space, as their objects do;
- parameters that no call names too;
- what several files name becomes another one, and all of these are words that MicroPython has in
  its ROM anyway, as long as there are some (rom_words.py), then _a, _b, ...;
- modules are taken into others (bundle.py);
- docstrings, annotations and what stands under `if TYPE_CHECKING:` go.

What might be reached in another way stays as it is: names that a string holds or a script outside
uses, attributes of anything but `self`, files with machine code (annotations mean something
there), integers that do not fit in an ESP32's 31 bits. Names in a traceback are translated by
names.json beside the ROM: {module: {short: original}}; parameters do not occur in one.
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.virtual_board.bundle import bundle
from tools.virtual_board.squeeze_constants import Constants
from tools.virtual_board.squeeze_names import (
    Names,
    rename_own,
    rename_parameters,
    rename_shared,
    words_left,
)
from tools.virtual_board.squeeze_syntax import DEFINITIONS, identifiers, words_in_strings

STAYING = 3
_MACHINE_CODE = "@micropython.viper"


def squeeze(
    sources: Mapping[Path, str], users: Collection[str] = (), roots: Sequence[str] = ()
) -> tuple[dict[Path, str], Names]:
    """Sources by their paths below the root to (the same squeezed, {module: {short: original}}).

    `users`: sources that are not squeezed and may import from these; what they name stays.
    `roots`: modules that take in others (bundle.py), which then are not among the results; the
    first STAYING of them are never forgotten.
    Raises SyntaxError, with the file's path, if one does not parse; BundleError.
    """
    fixed = {path for path, text in sources.items() if _MACHINE_CODE in text}
    outside = [
        _Bare().visit(ast.parse(text))
        for text in (*users, *(sources[path] for path in sorted(fixed)))
    ]
    trees = {
        _module_name(path): _Bare().visit(ast.parse(text, str(path)))
        for path, text in sorted(sources.items())
        if path not in fixed
    }
    ours = {_module_name(path) for path in sources}
    Constants(trees, outside, ours).inline()
    while _drop_bases(trees, outside):
        pass
    names = rename_own(trees, outside)
    rename_parameters(trees, outside)
    while _drop_functions(trees, outside):
        pass
    Constants(trees, outside, ours).inline()  # and what only these needed
    members, changed = bundle(trees, roots, words_left(trees, outside))
    present = [root for root in roots if root in trees]
    names |= rename_shared(trees, outside, present[:STAYING], present[STAYING:])
    squeezed = {
        path: text if path in fixed else ast.unparse(trees[_module_name(path)]) + "\n"
        for path, text in sources.items()
        if path in fixed or _module_name(path) in trees
    }
    return squeezed, _gathered(names, members, changed)


def _gathered(names: Names, members: Mapping[str, str], changed: Names) -> Names:
    """Names by the modules that are left; one that is short for several is short for a|b."""
    gathered: Names = {}
    for module, shorts in sorted(names.items()):
        of = gathered.setdefault(members.get(module, module), {})
        for short, name in shorts.items():
            name = f"{module}.{name}" if module in members else name
            of[short] = f"{of[short]}|{name}" if short in of else name
    for root, words in changed.items():
        for word, changed_name in words.items():
            module, _, name = changed_name.rpartition(".")
            name = names.get(module, {}).get(name, name)  # it had been shortened before
            gathered.setdefault(root, {})[word] = f"{module}.{name}"
    return gathered


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _drop_functions(trees: Mapping[str, ast.Module], outside: list[ast.Module]) -> bool:
    """Take away functions and methods whose name occurs nowhere else; were there any?"""
    everything = [*trees.values(), *outside]
    named = words_in_strings(everything)
    for n, _, name in (found for tree in everything for found in identifiers(tree)):
        if not isinstance(n, (*DEFINITIONS, ast.arg)):
            named.add(name)
    dropped = False
    for scope in [n for tree in trees.values() for n in ast.walk(tree)]:
        # Methods of a class with bases may be called by these.
        if isinstance(scope, ast.Module) or (isinstance(scope, ast.ClassDef) and not scope.bases):
            kept = [
                n
                for n in scope.body
                if not isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
                or n.name in named
                or n.name.startswith("__")
                or n.decorator_list
            ]
            if len(kept) < len(scope.body):
                scope.body, dropped = kept or [ast.Pass()], True
    return dropped


def _drop_bases(trees: Mapping[str, ast.Module], outside: list[ast.Module]) -> bool:
    """Take away an empty class that occurs only as a base, in its own file; was there one?"""
    for tree in trees.values():
        for n in tree.body:
            empty = isinstance(n, ast.ClassDef) and isinstance(n.body[0], ast.Pass)
            if not empty or not n.bases or _occurs(n.name, trees, outside, tree):
                continue
            tree.body.remove(n)
            for other in ast.walk(tree):
                if isinstance(other, ast.ClassDef):
                    other.bases = [
                        base
                        for b in other.bases
                        for base in (n.bases if _is_named(b, n.name) else [b])
                    ]
            return True
    return False


def _occurs(
    name: str, trees: Mapping[str, ast.Module], outside: list[ast.Module], home: ast.Module
) -> bool:
    """Is a class named but where it is defined, and as a base in the same file?"""
    everything = [*trees.values(), *outside]
    if name in words_in_strings(everything):
        return True
    bases = {
        id(base)
        for n in ast.walk(home)
        if isinstance(n, ast.ClassDef)
        for base in n.bases
        if _is_named(base, name)
    }
    return any(
        found == name and id(n) not in bases and not isinstance(n, ast.ClassDef)
        for tree in everything
        for n, _, found in identifiers(tree)
    )


def _is_named(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


class _Bare(ast.NodeTransformer):
    """Takes away what MicroPython does not look at."""

    def generic_visit(self, node: ast.AST) -> Any:
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node) is not None:
            del node.body[0]
        super().generic_visit(node)
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, None)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # Nobody reads on a relay what was wrong with a frame: it is counted.
        if isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "DecodeError":
            node.exc.args = []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return ast.fix_missing_locations(ast.Assign([node.target], self.visit(node.value)))

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if _is_type_checking(node.targets[0]) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        if not _is_type_checking(node.test):
            return self.generic_visit(node)
        if not node.orelse:
            return None
        return self.generic_visit(ast.Try(node.orelse, [], [], [])).body


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
