"""Names become others: those of one file and parameters such as all files share, and all of them
such as a MicroPython has in its ROM."""

import ast
import builtins
import itertools
import re
from collections import Counter
from collections.abc import Collection, Container, Iterator

from tools.virtual_board.rom_words import WORDS
from tools.virtual_board.squeeze_syntax import (
    DEFINITIONS,
    FUNCTIONS,
    bound_names,
    identifiers,
    is_load,
    own_level,
    words_in_strings,
)

_RENAMED = re.compile(r"_?[A-Za-z]\w*")  # not __init__
# Ours that are called as something everybody has may be just that.
_EVERYBODYS = {"self", *dir(builtins), *dir(OSError), *WORDS}
_NAMES_MAX = 500  # many more than any program needs
EVERY_MODULE = ""  # where the names are that mean the same in all files

Names = dict[str, dict[str, str]]


def rename_own(trees: dict[str, ast.Module], outside: list[ast.Module]) -> Names:
    uses = {
        module: Counter(name for _, _, name in identifiers(tree)) for module, tree in trees.items()
    }
    others = {name for tree in outside for _, _, name in identifiers(tree)}
    everywhere = Counter(name for counter in uses.values() for name in counter)
    own = {module: _own_names(tree) for module, tree in trees.items()}
    owners = Counter(name for names in own.values() for name in names)
    fixed = others | words_in_strings([*trees.values(), *outside])
    fresh = list(itertools.islice(_short_names(fixed | set(everywhere)), _NAMES_MAX))
    names: Names = {}
    for family in _families(trees):
        here = Counter(name for module in family for name in uses[module])
        candidates = [
            (-uses[module][name], module, name)
            for module in family
            for name in own[module] - fixed
            if here[name] == 1 and everywhere[name] == owners[name]
        ]
        for (_, module, name), short in zip(sorted(candidates), fresh, strict=False):
            names.setdefault(module, {})[short] = name
    for module, shorts in names.items():
        _rename(trees[module], shorts)
    return names


def rename_shared(
    trees: dict[str, ast.Module],
    outside: list[ast.Module],
    stays: Collection[str] = (),
    alone: Collection[str] = (),
) -> Names:
    """What several files name becomes a word of the ROM everywhere, as long as there are some:
    first what the modules in `stays` name. alone: modules whose classes inherit from none of ours.

    Not the names of modules, and none that something else than ours might have: a word of the
    ROM, or one that occurs outside.
    """
    ours = {name for tree in trees.values() for name in _bound_anyhow(tree, trees)}
    used = Counter(name for tree in trees.values() for _, _, name in identifiers(tree))
    fixed = {name for tree in outside for _, _, name in identifiers(tree)}
    fixed |= words_in_strings([*trees.values(), *outside])
    fixed |= {part for module in trees for part in module.split(".")}
    candidates = [n for n in ours - fixed - _EVERYBODYS if _RENAMED.fullmatch(n)]
    # Names of variables that are only ever local come last: a heap has none of them.
    costly = {
        name
        for tree in trees.values()
        for node, _, name in identifiers(tree)
        if not isinstance(node, ast.Name)
    }
    costly.update(name for tree in trees.values() for name in bound_names(own_level(tree)))
    first = {name for module in stays for _, _, name in identifiers(trees[module])}
    candidates.sort(key=lambda name: (name not in costly, name not in first, -used[name], name))
    free = [word for word in WORDS if word not in used and word not in fixed]
    shorts = dict(zip(free, candidates, strict=False))
    # What is left over may share a word with a module that is loaded at times, if neither that
    # module nor anything it inherits from has the name.
    passing = [
        {name for _, _, name in identifiers(tree)}
        for module, tree in trees.items()
        if module not in stays and module in alone
    ]
    elsewhere = {
        name
        for module, tree in trees.items()
        if module not in alone
        for _, _, name in identifiers(tree)
    }
    there = set().union(*passing)
    spare = [w for w in WORDS if w in there and w not in elsewhere and w not in fixed]
    left = [name for name in candidates[len(free) :] if name not in there]
    shorts |= dict(zip(spare, left, strict=False))
    for tree in trees.values():
        _rename(tree, shorts)
    return {EVERY_MODULE: shorts} if shorts else {}


def _rename(tree: ast.Module, shorts: dict[str, str]) -> None:
    originals = {name: short for short, name in shorts.items()}
    for node, field, name in list(identifiers(tree)):
        if field == "names":
            node.names = [originals.get(n, n) for n in node.names]
        else:
            setattr(node, field, originals.get(name, name))


def _bound_anyhow(tree: ast.Module, ours: Container[str]) -> set[str]:
    nodes = list(ast.walk(tree))
    imported = {
        alias.name
        for n in nodes
        if isinstance(n, ast.Import) or (isinstance(n, ast.ImportFrom) and n.module not in ours)
        for alias in n.names
    }
    stored = {n.attr for n in nodes if isinstance(n, ast.Attribute) and not is_load(n)}
    return (set(bound_names(iter(nodes))) | stored) - imported


def _own_names(tree: ast.Module) -> set[str]:
    """Names that get a value in this file and are used plainly or as self.name only."""
    nodes = list(ast.walk(tree))
    bound, foreign = set(bound_names(iter(nodes))), set()
    for n in nodes:
        if isinstance(n, ast.Attribute):
            if not isinstance(n.value, ast.Name) or n.value.id != "self":
                foreign.add(n.attr)
            elif not is_load(n):
                bound.add(n.attr)
        elif isinstance(n, ast.alias):
            foreign.add(n.name)
        elif isinstance(n, ast.keyword) and n.arg:
            foreign.add(n.arg)
    return {name for name in bound - foreign - _EVERYBODYS if _RENAMED.fullmatch(name)}


def _families(trees: dict[str, ast.Module]) -> list[list[str]]:
    """Modules joined by inheritance, without those that inherit from somebody else's class."""
    family = {module: {module} for module in trees}
    foreign: set[str] = set()
    for module, tree in trees.items():
        nodes = list(ast.walk(tree))
        homes = {n.name: module for n in nodes if isinstance(n, ast.ClassDef)}
        for n in nodes:
            if isinstance(n, ast.ImportFrom):
                homes.update({alias.asname or alias.name: n.module or "" for alias in n.names})
        for base in [b for n in nodes if isinstance(n, ast.ClassDef) for b in n.bases]:
            name = base.id if isinstance(base, ast.Name) else ""
            home = homes.get(name, "")
            if home in trees:
                joined = family[module] | family[home]
                family.update(dict.fromkeys(joined, joined))
            elif home or not hasattr(builtins, name):
                foreign.add(module)
    found = [sorted(joined) for module, joined in family.items() if module == min(joined)]
    return [joined for joined in found if not foreign & set(joined)]


def rename_parameters(trees: dict[str, ast.Module], outside: list[ast.Module]) -> None:
    """The first parameter of every function gets the same name, and so on."""
    keywords: set[str] = set()
    for tree in [*trees.values(), *outside]:
        called_with = {n.arg for n in ast.walk(tree) if isinstance(n, ast.keyword)}
        keywords.update(name for name in called_with if name)
        if None in called_with:  # f(**fields): any string may be one
            keywords |= words_in_strings([tree])
    taken = {name for tree in outside for _, _, name in identifiers(tree)}
    shorts = list(itertools.islice(_short_names(taken), _NAMES_MAX))
    for module in trees:
        for function in ast.walk(trees[module]):
            if isinstance(function, FUNCTIONS):
                _rename_own_parameters(function, keywords, shorts)


def _rename_own_parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
    keywords: set[str],
    shorts: list[str],
) -> None:
    inside = function.body if isinstance(function.body, list) else [function.body]
    nodes = [n for part in inside for n in ast.walk(part)]
    if any(isinstance(n, (ast.ClassDef, ast.Global, ast.Nonlocal)) for n in nodes):
        return  # their names are seen from elsewhere
    arguments = function.args
    own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    own += [a for a in (arguments.vararg, arguments.kwarg) if a]
    used = {name for n in [*nodes, *own] for _, field, name in identifiers(n) if field != "attr"}
    free = (short for short in shorts if short not in used)
    renamed = {a.arg: next(free) for a in own if a.arg != "self" and a.arg not in keywords}
    for n in [*nodes, *own]:
        if isinstance(n, ast.Name) and n.id in renamed:
            n.id = renamed[n.id]
        elif isinstance(n, ast.arg) and n.arg in renamed:
            n.arg = renamed[n.arg]
        elif isinstance(n, (*DEFINITIONS, ast.ExceptHandler)) and n.name in renamed:
            n.name = renamed[n.name]
        elif isinstance(n, ast.alias) and (n.asname or n.name) in renamed:
            n.asname = renamed[n.asname or n.name]


def words_left(trees: dict[str, ast.Module], outside: list[ast.Module]) -> Iterator[str]:
    """Names that nothing uses yet."""
    everything = [*trees.values(), *outside]
    used = {name for tree in everything for _, _, name in identifiers(tree)}
    return _short_names(used | words_in_strings(everything))


def _short_names(taken: set[str]) -> Iterator[str]:
    """Words of the ROM first; then what is as short as can be."""
    yield from (word for word in WORDS if word not in taken)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for length in itertools.count(1):
        for picked in itertools.product(letters, repeat=length):
            if (name := "_" + "".join(picked)) not in taken:
                yield name
