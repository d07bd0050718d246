"""Integer constants become literals where they are used; what nothing needs any more goes."""

import ast
import re
from collections import Counter
from collections.abc import Iterable

from tools.virtual_board.squeeze_syntax import (
    DEFINITIONS,
    FUNCTIONS,
    bound_names,
    is_load,
    own_level,
    words_in_strings,
)

_NAME = re.compile(r"_*[A-Z][A-Z0-9_]*")
_SMALL = range(-(1 << 30), 1 << 30)
_WITHOUT_EFFECT = (
    "shared_protocol"  # loading its modules only defines things: the core does no I/O
)
_OPERATIONS = {
    ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__,
    ast.FloorDiv: int.__floordiv__, ast.LShift: int.__lshift__, ast.RShift: int.__rshift__,
    ast.BitOr: int.__or__, ast.BitXor: int.__xor__, ast.BitAnd: int.__and__,
    ast.USub: int.__neg__, ast.Invert: int.__invert__,
}  # fmt: skip


class Constants:
    def __init__(
        self, trees: dict[str, ast.Module], outside: list[ast.Module], ours: Iterable[str]
    ) -> None:
        self.trees, self.outside, self.ours = trees, outside, set(ours)
        everything = [*trees.values(), *outside]
        nodes = [n for tree in everything for n in ast.walk(tree)]
        # Names that something else than an import or a plain use could reach.
        self.untouchable = words_in_strings(everything) | {
            n.attr for n in nodes if isinstance(n, ast.Attribute) and not is_load(n)
        }
        self.starred = {
            n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"
        }
        self.values: dict[tuple[str, str], ast.expr] = {}
        self.imports: dict[tuple[str, str], tuple[str, str]] = {}
        self.once: dict[str, set[str]] = {}
        for module, tree in trees.items():
            self._look_at(module, tree)
        self.known: dict[tuple[str, str], int | None] = {}

    def _look_at(self, module: str, tree: ast.Module) -> None:
        counts = Counter(bound_names(own_level(tree)))
        for n in ast.walk(tree):
            if isinstance(n, ast.Global):
                counts.update(n.names * 2)
        self.once[module] = {name for name, count in counts.items() if count == 1}
        for statement in tree.body:
            for name, value in _assigned(statement):
                if name in self.once[module] and _NAME.fullmatch(name):
                    self.values[module, name] = value
            if isinstance(statement, ast.ImportFrom) and not statement.level:
                for alias in statement.names:
                    if (name := alias.asname or alias.name) in self.once[module]:
                        self.imports[module, name] = statement.module or "", alias.name

    def value(self, module: str, name: str) -> int | None:
        """What a module's global is, if that is an integer constant."""
        key = module, name
        if key not in self.known:
            self.known[key] = None  # should it lead back to itself
            if name not in self.untouchable and module not in self.starred:
                if key in self.imports:
                    self.known[key] = self.value(*self.imports[key])
                elif key in self.values:
                    self.known[key] = self._evaluate(module, self.values[key])
        return self.known[key]

    def _evaluate(self, module: str, node: ast.expr) -> int | None:
        operands: list[ast.expr]
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int and node.value in _SMALL else None
        if isinstance(node, ast.Name):
            return self.value(module, node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self.attribute(module, node)
        if isinstance(node, ast.BinOp):
            operands = [node.left, node.right]
        elif isinstance(node, ast.UnaryOp):
            operands = [node.operand]
        else:
            return None
        operation = _OPERATIONS.get(type(node.op))
        values = [self._evaluate(module, operand) for operand in operands]
        if operation is None or None in values:
            return None
        try:
            result = operation(*values)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return result if result in _SMALL else None

    def attribute(self, module: str, node: ast.Attribute) -> int | None:
        """What `imported.NAME` is, if `imported` is a module of ours and NAME such a constant."""
        if isinstance(node.value, ast.Name) and (module, node.value.id) in self.imports:
            target = ".".join(self.imports[module, node.value.id])
            if target in self.trees:
                return self.value(target, node.attr)
        return None

    def inline(self) -> None:
        """Put the literals in and take away what nothing refers to any more."""
        for module, tree in self.trees.items():
            _Inliner(self, module).visit(tree)
        while self._drop_unused():
            pass

    def _drop_unused(self) -> bool:
        nodes = [n for tree in [*self.trees.values(), *self.outside] for n in ast.walk(tree)]
        named = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
        named |= {n.value for n in nodes if isinstance(n, ast.Constant) and type(n.value) is str}
        imported = {
            (n.module, alias.name)
            for n in nodes
            if isinstance(n, ast.ImportFrom)
            for alias in n.names
        }
        before = sum(len(self.once[module]) for module in self.trees)
        for module, tree in self.trees.items():
            used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and is_load(n)}
            unused = {
                name
                for name in self.once[module] - used - named
                if (module, name) not in imported and module not in self.starred
            }
            constants = {name for name in unused if self.value(module, name) is not None}
            for statement in list(tree.body):
                if isinstance(statement, ast.ImportFrom):
                    self._drop_imports(module, statement, unused)
                else:
                    self._drop_targets(module, statement, constants)
        return sum(len(self.once[module]) for module in self.trees) < before

    def _drop_targets(self, module: str, node: ast.stmt, constants: set[str]) -> None:
        pairs = _assigned(node)
        gone = {name for name, _ in pairs} & constants
        if not gone:
            return
        assert isinstance(node, ast.Assign)
        self.once[module] -= gone
        left = [(name, value) for name, value in pairs if name not in gone]
        at = self.trees[module].body.index(node)
        self.trees[module].body[at : at + 1] = [
            ast.fix_missing_locations(ast.Assign([ast.Name(name, ast.Store())], value))
            for name, value in left
        ]

    def _drop_imports(self, module: str, node: ast.ImportFrom, unused: set[str]) -> None:
        package = node.module or ""
        if package not in self.ours:
            return
        kept = []
        for alias in node.names:
            loaded = f"{package}.{alias.name}"
            effect = loaded in self.ours and not self._is_harmless(loaded)
            if (alias.asname or alias.name) not in unused or effect:
                kept.append(alias)
        if kept or self._is_harmless(package):
            self.once[module] -= {a.asname or a.name for a in node.names if a not in kept}
            node.names = kept
            if not kept:
                self.trees[module].body.remove(node)

    def _is_harmless(self, module: str, above: tuple[str, ...] = ()) -> bool:
        """Does loading this module of ours only define things?"""
        if module.split(".")[0] == _WITHOUT_EFFECT or module in above:
            return True
        tree = self.trees.get(module)
        return tree is not None and all(self._defines(s, (*above, module)) for s in tree.body)

    def _defines(self, node: ast.stmt, above: tuple[str, ...]) -> bool:
        if isinstance(node, ast.ImportFrom):
            loaded = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            return all(self._is_harmless(module or "", above) for module in loaded & self.ours)
        if isinstance(node, ast.Import):
            return not {alias.name for alias in node.names} & self.ours
        if isinstance(node, ast.Assign):
            return not any(isinstance(n, ast.Call) for n in ast.walk(node))
        return isinstance(node, DEFINITIONS)


def _assigned(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    """(name, value) of an assignment to one name, or to as many as there are values."""
    if not isinstance(node, ast.Assign) or len(node.targets) > 1:
        return []
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return []
    if len(target.elts) != len(value.elts) or any(
        isinstance(e, ast.Starred) or not isinstance(t, ast.Name)
        for t, e in zip(target.elts, value.elts, strict=True)
    ):
        return []
    return [(t.id, e) for t, e in zip(target.elts, value.elts, strict=True)]


class _Inliner(ast.NodeTransformer):
    """Puts literals in one module, but not for a name that is bound again in that function."""

    def __init__(self, constants: Constants, module: str) -> None:
        self.constants, self.module = constants, module
        self.hidden: frozenset[str] = frozenset()

    def visit(self, node: ast.AST) -> ast.AST:
        inside = ast.walk(node) if isinstance(node, FUNCTIONS) else None
        if isinstance(node, ast.ClassDef):
            inside = own_level(node)
        if inside is None:
            return super().visit(node)
        outer, self.hidden = self.hidden, self.hidden | set(bound_names(inside))
        super().visit(node)
        self.hidden = outer
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not is_load(node) or node.id in self.hidden:
            return node
        return _literal(self.constants.value(self.module, node.id), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = None
        if isinstance(node.value, ast.Name) and node.value.id not in self.hidden:
            value = self.constants.attribute(self.module, node)
        self.generic_visit(node)
        return _literal(value, node)


def _literal(value: int | None, otherwise: ast.expr) -> ast.expr:
    return otherwise if value is None else ast.parse(repr(value), mode="eval").body
