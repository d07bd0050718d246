"""One module of a bundle, with its imports and the names of other members as bundle.py says."""

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tools.virtual_board.squeeze_syntax import FUNCTIONS, bound_names, own_level

if TYPE_CHECKING:
    from tools.virtual_board.bundle import Bundles

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class BundleError(Exception):
    """A module is used in a way that bundling would change; one line that says where."""


class Place(NamedTuple):
    """Where a global lives now."""

    root: str
    name: str


class Marker(ast.stmt):
    """Here a member of the same bundle was imported."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self.module = module


class Linker(ast.NodeTransformer):
    """Changes one module's imports, and the names that mean something of a bundle."""

    def __init__(self, bundles: "Bundles", module: str, root: str) -> None:
        self._bundles, self._module, self._root = bundles, module, root
        self._renamed: dict[str, str] = {}
        self._modules: dict[str, str] = {}  # local name -> bundled module
        self._elsewhere: dict[Place, str] = {}  # what is used of other bundles' modules
        self._hidden: frozenset[str] = frozenset()
        self._level = 0  # of functions and classes around
        self._nested = False  # in a try or if at the top

    def link(self, tree: ast.Module) -> None:
        if self._root:
            for name in globals_of(tree):
                self._renamed[name] = self._place(self._module, name).name
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                self._learn(node)
        self._attributes = _attributes(tree, self._modules)
        tree.body = [s for statement in tree.body for s in _listed(self.visit(statement))]

    def _place(self, module: str, name: str) -> Place:
        place = self._bundles.place(module, name)
        assert place is not None, "of a bundled module only"
        return place

    def _learn(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            local, whole = alias.asname or alias.name, f"{node.module}.{alias.name}"
            if whole in self._bundles.root_of:
                self._modules[local] = whole
                continue
            place = self._bundles.place(node.module or "", alias.name)
            if place and place.root == self._root:
                self._renamed[local] = place.name

    # --- imports

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt] | None:
        statements: list[ast.stmt] = []
        for alias in node.names:
            local, whole = alias.asname or alias.name, f"{node.module}.{alias.name}"
            if whole in self._bundles.root_of:
                if self._bundles.root_of[whole] == self._root:
                    statements.append(Marker(whole))
                    continue
                for name in sorted(self._attributes[local]):
                    place = self._place(whole, name)
                    here = self._free(place.name, place)
                    self._elsewhere[place] = here
                    statements.append(_import_from(place.root, place.name, here))
            elif place := self._bundles.place(node.module or "", alias.name):
                if place.root == self._root:
                    statements.append(Marker(node.module or ""))
                else:
                    statements.append(self._import(place.root, place.name, local))
            else:
                statements.append(self._import(node.module or "", alias.name, local))
        if self._level:
            statements = [s for s in statements if not isinstance(s, Marker)] or [ast.Pass()]
        return statements

    def _import(self, module: str, name: str, local: str) -> ast.stmt:
        # One of several branches: whichever is taken, it is the same name.
        meaning = (self._module, local) if self._nested else (module, name)
        here = self._free(local, meaning)
        if not self._level:
            self._renamed[local] = here
        return _import_from(module, name, here)

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            local = alias.asname or alias.name
            here = self._free(local, (alias.name,))
            if here != local:
                alias.asname = self._renamed[local] = here
        return node

    def _free(self, name: str, meaning: object) -> str:
        bundled = self._root and not self._level
        return self._bundles.free(self._root, name, meaning) if bundled else name

    def _nested_visit(self, node: ast.AST) -> ast.AST:
        nested, self._nested = self._nested, True
        self.generic_visit(node)
        self._nested = nested
        return node

    visit_Try = visit_If = _nested_visit

    # --- names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self._hidden:
            if node.id in self._modules:
                raise BundleError(f"{self._module} uses the module {node.id} as a value")
            node.id = self._renamed.get(node.id, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        if name in self._modules and name not in self._hidden:
            if not isinstance(node.ctx, ast.Load):
                raise BundleError(f"{self._module} changes {name}.{node.attr}")
            place = self._place(self._modules[name], node.attr)
            here = self._elsewhere.get(place, place.name)
            return ast.copy_location(ast.Name(here, ast.Load()), node)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._renamed.get(name, name) for name in node.names]
        return node

    # --- scopes

    def _function(self, node: ast.AST) -> ast.AST:
        assert isinstance(node, FUNCTIONS)
        node.args.defaults = [self.visit(default) for default in node.args.defaults]
        node.args.kw_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        if not isinstance(node, ast.Lambda):
            node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
            if not self._level:
                node.name = self._renamed.get(node.name, node.name)
        hidden, level = self._hidden, self._level
        self._hidden = hidden | self._bound_in(node)
        self._level = level + 1
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = [s for statement in node.body for s in _listed(self.visit(statement))]
        self._hidden, self._level = hidden, level
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _function

    def _bound_in(self, node: ast.AST) -> set[str]:
        """Locals of a function; what it imports from bundles is none."""
        inside = list(own_level(node))
        imported = {
            alias.asname or alias.name
            for n in inside
            if isinstance(n, ast.ImportFrom)
            for alias in n.names
        }
        bundled = imported & (self._modules.keys() | self._renamed.keys())
        # Those of a comprehension are its own, and are hidden there.
        own = [n for n in inside if isinstance(n, _COMPREHENSIONS)]
        within = {id(n) for c in own for n in ast.walk(c)}
        inside = [n for n in inside if id(n) not in within]
        declared = {name for n in inside if isinstance(n, ast.Global) for name in n.names}
        return set(bound_names(iter(inside))) - bundled - declared

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if not self._level:
            node.name = self._renamed.get(node.name, node.name)
        node.bases = [self.visit(base) for base in node.bases]
        hidden, level = self._hidden, self._level
        inside = hidden | {name for s in node.body for name in _binds(s)}
        self._level = level + 1
        for i, statement in enumerate(node.body):
            self._hidden = hidden if isinstance(statement, FUNCTIONS) else inside
            node.body[i] = self.visit(statement)
        self._hidden, self._level = hidden, level
        return node

    def _comprehension(self, node: ast.AST) -> ast.AST:
        hidden = self._hidden
        self._hidden = hidden | set(bound_names(ast.walk(node)))
        self.generic_visit(node)
        self._hidden = hidden
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def _listed(visited: ast.AST | list[ast.stmt] | None) -> list[ast.stmt]:
    return visited if isinstance(visited, list) else [visited] if visited else []  # type: ignore[list-item]


def _import_from(module: str, name: str, local: str) -> ast.stmt:
    return ast.ImportFrom(module, [ast.alias(name, local if local != name else None)], 0)


def _binds(statement: ast.stmt) -> Iterator[str]:
    yield from bound_names(iter([statement]))
    if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        yield from bound_names(own_level(statement))


def _attributes(tree: ast.Module, modules: Mapping[str, str]) -> dict[str, set[str]]:
    """What is used of each module that this one imports."""
    used: dict[str, set[str]] = {local: set() for local in modules}
    for n in ast.walk(tree):
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id in used:
            used[n.value.id].add(n.attr)
    return used


def globals_of(tree: ast.Module) -> list[str]:
    """Names that a module itself defines, imports not among them."""
    imported = {
        alias.asname or alias.name
        for n in own_level(tree)
        if isinstance(n, (ast.Import, ast.ImportFrom))
        for alias in n.names
    }
    return [name for name in dict.fromkeys(bound_names(own_level(tree))) if name not in imported]
