"""Modules taken into others: what runs is the same, and what would not be is refused."""

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from tools.virtual_board.bundle import BundleError, bundle

# name -> sources; main.run() is what must come out the same
PROGRAMS = {
    "one_name_for_different_things": {
        "a": "COUNT = [1]\ndef get(): return COUNT\ndef both(): return get()\n",
        "b": "COUNT = [2]\ndef get(COUNT=COUNT): return COUNT\n",
        "main": "import a, b\nfrom a import get\nfrom b import get as other\nCOUNT = [3]\n"
        "def run(): return get(), other(), COUNT, a.both()\n",
    },
    "modules_and_their_attributes": {
        "pack.__init__": "",
        "pack.kinds": "def new(): return 'new'\nclass Kind:\n    new = 4\n",
        "main": "from pack import kinds\nfrom pack import kinds as k\n"
        "def run():\n    new = kinds.new()\n    return new, kinds.Kind.new, k.new()\n"
        "def hidden(kinds): return kinds.new\n",
    },
    "locals_that_hide": {
        "a": "def size(): return 5\ndef rows(): return [1, 2]\n",
        "main": "from a import size, rows\n"
        "def parameter(size): return size\n"
        "def local():\n    rows = 7\n    return rows, size()\n"
        "def comprehension(): return [size for size in rows()], (lambda rows: rows)(8)\n"
        "def both():\n    many = [size for size in rows()]\n    return many, size()\n"
        "class Box:\n    size = 9\n    def get(self): return self.size, size()\n"
        "def nested():\n    def inner(size=size()): return size\n    return inner()\n"
        "def run():\n    made = comprehension(), nested(), both()\n"
        "    return parameter(6), local(), Box().get(), made\n",
    },
    "globals_that_change": {
        "a": "TOTAL = 1\ndef add():\n    global TOTAL\n    TOTAL += 1\n    return TOTAL\n",
        "b": "TOTAL = 10\ndef add():\n    global TOTAL\n    TOTAL += 5\n    return TOTAL\n",
        "main": "from a import add\nfrom b import add as more\n"
        "def run(): return add(), more(), add(), more()\n",
    },
    "imports_of_others": {
        "a": "from struct import pack\ndef two(): return pack('<H', 2)\n",
        "b": "import json as pack\ndef text(): return pack.dumps([1])\n",
        "main": "from a import two\nfrom b import text\nimport struct, json\n"
        "def run(): return two(), text(), struct.calcsize('H')\n",
    },
    "whichever_is_there": {
        "a": "try:\n    from nowhere import fast\nexcept ImportError:\n    from slow import fast\n"
        "def run(): return fast()\n",
        "slow": "def fast(): return 'slow'\n",
        "main": "from a import run as go\ndef run():\n    fast = 1\n    return fast, go()\n",
    },
    "imported_when_needed": {
        "lazy": "from a import base\nimport a\ndef get(): return base() + a.base()\n",
        "a": "def base(): return 2\n",
        "main": "from a import base\ndef run():\n    from lazy import get\n    import lazy\n"
        "    from a import base as b\n    return get(), lazy.get(), base(), b()\n",
    },
    "order_of_what_runs": {
        "log": "LINES = []\n",
        "first": "from log import LINES\nLINES.append('first')\n",
        "second": "from log import LINES\nfrom first import LINES as same\n"
        "LINES.append('second')\n",
        "main": "from log import LINES\nLINES.append('main')\nfrom second import same\n"
        "LINES.append('end')\ndef run(): return LINES, same is LINES\n",
    },
    "inheritance_and_decorators": {
        "base": "class Base:\n    def get(self): return 1\ndef twice(f): return lambda: 2 * f()\n",
        "main": "from base import Base, twice\nclass Mine(Base):\n"
        "    def get(self): return super().get() + 1\n"
        "@twice\ndef three(): return 3\ndef run(): return Mine().get(), three()\n",
    },
}  # fmt: skip
RUN = "import main; print(main.run())"


def bundled(program: dict[str, str], roots: tuple[str, ...]) -> dict[str, str]:
    trees = {name.removesuffix(".__init__"): ast.parse(text) for name, text in program.items()}
    words = (f"word{i}" for i in itertools.count())
    bundle(trees, roots, words)
    for tree in trees.values():
        ast.fix_missing_locations(tree)
    packages = {name.rpartition(".")[0] for name in trees}
    return {
        name + (".__init__" if name in packages else ""): ast.unparse(tree)
        for name, tree in trees.items()
    }


def output(folder: Path, program: dict[str, str]) -> str:
    for name, text in program.items():
        path = folder / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr + "\n".join(program.values())
    return done.stdout


@pytest.mark.parametrize("roots", [("main",), ("a", "main")])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_does_the_same(name: str, roots: tuple[str, ...], tmp_path: Path):
    program = PROGRAMS[name]
    after = bundled(program, roots)
    assert output(tmp_path / "after", after) == output(tmp_path / "before", program)


def test_members_are_gone_but_not_what_a_string_names_or_only_a_function_imports():
    program = {
        "now": "def get(): return 1\n",
        "soon": "def get(): return 2\n",
        "later": "def get(): return 3\n",
        "main": "from now import get\nfrom soon import get as more\nNAME = 'soon'\n"
        "def run():\n    from later import get as most\n    return get(), more(), most(), NAME\n",
    }
    assert set(bundled(program, ("main",))) == {"soon", "later", "main"}


@pytest.mark.parametrize(
    ("main", "what"),
    [
        ("from pack import a\nkept = a\n", "main uses the module a as a value"),
        ("from pack import a\na.SIZE = 2\n", "main changes a.SIZE"),
        ("from pack import a\na.WIDTH\n", "pack.a has no WIDTH"),
        ("from pack.a import WIDTH\n", "pack.a has no WIDTH"),
    ],
)
def test_what_would_not_be_the_same_is_refused(main: str, what: str):
    with pytest.raises(BundleError, match=what):
        bundled({"pack.__init__": "", "pack.a": "SIZE = 1\n", "main": main}, ("main",))
