"""Several modules become one: each costs a relay 450 bytes of heap here (250 on an ESP32) for its
dict, its three names and its places in the dicts of whoever imports it.

A root takes in, where it would have imported them, the modules that its top level imports, and
what these import. Left alone are packages, machine code, modules that a string names (those are
loaded for a moment and forgotten again) and modules imported by a plain `import`. Where two
modules of a bundle use one global name for different things, the root's or the first one's stays
and the other becomes a new one; who imports from a module gets it from the root.
"""

import ast
from collections.abc import Collection, Iterator

from tools.virtual_board.bundle_linker import BundleError, Linker, Marker, Place, globals_of
from tools.virtual_board.squeeze_syntax import FUNCTIONS, bound_names, own_level


def bundle(
    trees: dict[str, ast.Module], roots: Collection[str], words: Iterator[str]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Change `trees` by module name in place; what was taken in is gone from them.

    words: new names, none of which occurs anywhere. Returns each member's root, and for each root
    the names that had to be changed, {new: module.original}.
    """
    bundles = Bundles(trees, roots, words)
    bundles.make()
    return bundles.root_of, bundles.names


class Bundles:
    def __init__(
        self, trees: dict[str, ast.Module], roots: Collection[str], words: Iterator[str]
    ) -> None:
        self._trees, self._words = trees, words
        self.root_of: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        self._left_alone = {name.rpartition(".")[0] for name in trees}  # packages
        for n in (n for tree in trees.values() for n in ast.walk(tree)):
            if isinstance(n, ast.Constant) and isinstance(n.value, str):
                self._left_alone.add(n.value)
            elif isinstance(n, ast.Import):
                self._left_alone.update(alias.name for alias in n.names)
        present = [root for root in roots if root in trees]
        for root in present:
            self.root_of[root] = root
        for root in present:
            self._members[root] = []
            self._take_in(root, root)
        self._locals = {name for tree in trees.values() for name in _locals_of(tree)}
        self._given: dict[str, dict[tuple[str, object], str]] = {root: {} for root in present}
        self._places: dict[tuple[str, str], Place] = {}
        self.names: dict[str, dict[str, str]] = {}

    def make(self) -> None:
        for root, members in self._members.items():
            for module in [root, *members[:-1]]:  # the root's own names are what others know
                for name in globals_of(self._trees[module]):
                    place = self.free(root, name, (module, name))
                    self._places[module, name] = Place(root, place)
                    if place != name:
                        self.names.setdefault(root, {})[place] = f"{module}.{name}"
        for module in list(self._trees):
            root = self.root_of.get(module, "")
            Linker(self, module, root).link(self._trees[module])
        for root, members in self._members.items():
            self._join(root, members)

    def _take_in(self, root: str, module: str) -> None:
        """Members in the order in which Python would have run them."""
        for statement in self._trees[module].body:
            for target in self._imported(statement):
                known = target in self._left_alone or target in self.root_of
                if target in self._trees and not known:
                    self.root_of[target] = root
                    self._take_in(root, target)
        self._members[root].append(module)

    def _imported(self, statement: ast.stmt) -> Iterator[str]:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                whole = f"{statement.module}.{alias.name}"
                yield whole if whole in self._trees else statement.module or ""

    def free(self, root: str, name: str, meaning: object) -> str:
        """A global name of this bundle for this meaning: the name itself if it has no other."""
        given = self._given[root]
        if (name, meaning) not in given:
            taken = name in self._locals or name in given.values()
            given[name, meaning] = next(self._words) if taken else name
        return given[name, meaning]

    def _join(self, root: str, members: list[str]) -> None:
        """Each member's text where its first import was; the markers stand there."""
        joined: set[str] = {root}

        def body_of(module: str) -> Iterator[ast.stmt]:
            for statement in self._trees[module].body:
                if not isinstance(statement, Marker):
                    yield statement
                elif statement.module not in joined:
                    joined.add(statement.module)
                    yield from body_of(statement.module)

        whole = list(_imports_once(body_of(root)))
        for module in members:
            if module != root:
                del self._trees[module]
        self._trees[root].body = whole

    def place(self, module: str, name: str) -> Place | None:
        """Where this global of a bundled module is, None if the module is not bundled."""
        if module not in self.root_of:
            return None
        if (module, name) not in self._places:
            raise BundleError(f"{module} has no {name}")
        return self._places[module, name]


def _locals_of(tree: ast.Module) -> Iterator[str]:
    """Names that would hide a global in some function."""
    for n in ast.walk(tree):
        if isinstance(n, FUNCTIONS):
            yield from bound_names(own_level(n))


def _imports_once(statements: Iterator[ast.stmt]) -> Iterator[ast.stmt]:
    seen: set[str] = set()
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            text = ast.unparse(statement)
            if text in seen:
                continue
            seen.add(text)
        yield statement
