"""Squeezed sources do what the sources did, and hold fewer names."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY
from tools.virtual_board.rom_words import WORDS
from tools.virtual_board.squeeze import squeeze

# name -> sources; main.run() is what must come out the same
PACKAGES = {
    "constants_across_files": {
        "limits": "MOST, _FEW = 1 << 4, 3\nLEAST = -_FEW\nBIG = 1 << 30\nTOP = 0x3FFFFFFF\n",
        "again": "from limits import MOST\nMORE = MOST * 2 + 1\n",
        "main": "import limits\nfrom limits import BIG, LEAST as LOW, TOP\n"
        "from again import MORE\n"
        "def run(): return MORE, LOW ** 2, -LOW, BIG, TOP, limits.LEAST\n",
    },
    "attributes_of_modules": {
        "pack.__init__": "VERSION = 2\n",
        "pack.kinds": "NEW, OLD = 0, 1\n",
        "main": "from pack import kinds, VERSION\n"
        "def shadow(kinds): return kinds.OLD\n"
        "class Other: OLD = 5\n"
        "def run(): return kinds.NEW, kinds.OLD, shadow(Other), VERSION\n",
    },
    "bases": {
        "errors": "class Every(Exception):\n    'all'\n"
        "class Ours(Every):\n    'x'\nclass Theirs(Every):\n    'y'\n"
        "class Kept(Exception):\n    'z'\nclass Under(Kept):\n    'w'\n",
        "main": "from errors import Kept, Ours, Theirs, Under\n"
        "def caught(error):\n    try:\n        raise error\n"
        "    except Ours:\n        return 1\n"
        "    except Kept:\n        return 2\n    except Exception:\n        return 3\n"
        "def run(): return [caught(e) for e in (Ours(), Theirs(), Kept(), Under())]\n",
    },
    "shadowed_constants": {
        "limits": "SIZE = 3\n",
        "main": "from limits import SIZE\nCOUNT = 4\n"
        "def parameter(COUNT): return COUNT\n"
        "def local():\n    COUNT = 6\n    return COUNT + SIZE\n"
        "def nested():\n    SIZE = 8\n    return [SIZE for _ in (1,)], (lambda: SIZE)()\n"
        "class Box:\n    COUNT = 9\n    def of(self): return self.COUNT, COUNT, Box.COUNT\n"
        "def run(): return parameter(5), local(), nested(), Box().of()\n",
    },
    "not_constant": {
        "pack.other": "COUNT = 1\nOTHER = 1\nSTORED = 1\nNAMED = 7\nFLAG = True\n",
        "main": "from pack import other\nTOTAL = 1\nTWICE = 1\nTWICE = 2\n"
        "def add():\n    global TOTAL\n    TOTAL += 1\n"
        "def run():\n    add()\n    other.STORED = 3\n"
        "    return TOTAL, TWICE, other.STORED, getattr(other, 'NAMED'), other.FLAG\n",
    },
    "inheritance_across_files": {
        "base": "class Base:\n    def __init__(self): self._seen = 1; self._kept = 2\n"
        "    def _both(self): return self._seen, self._kept\n"
        "    def tell(self): return self._both()\n",
        "main": "from base import Base\n"
        "class More(Base):\n    def __init__(self):\n        super().__init__()\n"
        "        self._mine = 3; self._own = 4\n"
        "    def _all(self): return self._mine, self._own\n"
        "    def both(self): return self._all(), self.tell()\n"
        "def run(): return More().both()\n",
    },
    "somebody_elses_class": {
        "main": "import collections\nclass Mine(collections.UserDict):\n"
        "    def popitem(self): return 1\n    def _keep(self): return 2\n"
        "    def run(self): return self.popitem(), self._keep()\n"
        "def run(): return Mine().run()\n",
    },
    "names_in_strings": {
        "main": "class Box:\n    def __init__(self): self._secret = 1; self._plain = 2\n"
        "    def sum(self): return self._secret + self._plain\n"
        "def _asked(): return 5\n"
        "def run(): return getattr(Box(), '_secret'), Box().sum(), globals()['_asked']()\n",
    },
    "others_attributes": {
        "rows": "class Row:\n    def __init__(self): self._at = 1\n"
        "    def at(self): return self._at\n",
        "main": "from rows import Row\nclass Table:\n"
        "    def __init__(self): self._mark = 2; self._own = 3\n"
        "    def set(self, row):\n        row._mark = 8\n"
        "        return row.at(), row._mark, self._mark, self._own\n"
        "def run(): return Table().set(Row())\n",
    },
    "parameters_and_keywords": {
        "main": "def make(width, height=2, *rest, depth=3): return width, height, rest, depth\n"
        "def loaded(json=None, system=None):\n    import json, sys as system\n"
        "    return json.dumps(1), system.byteorder\n"
        "_a = 50\ndef outer(first, second=_a):\n"
        "    def inner(third, first=first): return first, second, third, _a\n"
        "    return inner(1), [first for second in (7,)], (lambda second: second)(second)\n"
        "def run():\n    made = make(1, depth=5), make(width=4), make(1, 2, 3)\n"
        "    return made, outer(60), outer(61, 2), loaded()\n",
    },
    "counters_in_closures": {
        "main": "def count(start):\n    def more(by):\n        nonlocal start\n"
        "        start += by\n        return start\n    return more\n"
        "def run():\n    more = count(5)\n    return more(1), more(2)\n",
    },
    "namedtuples_and_annotations": {
        "main": '"""Doc."""\nfrom collections import namedtuple\nTYPE_CHECKING = False\n'
        "if TYPE_CHECKING:\n    from nowhere import Nothing\n"
        "Pair = namedtuple('Pair', ('left', 'right'))\n"
        "class Empty:\n    'Only a docstring.'\n"
        "class Kept(Pair): pass\n"
        "def f(x: 'Nothing') -> 'Nothing':\n    'Doc.'\n    y: int = x\n    return y\n"
        "def run(): return Pair(left=1, right=f(2)), f(Pair(3, 4)).left, Empty.__doc__ is None\n",
    },
    "imports_with_an_effect": {
        "log": "LINES = []\n",
        "loud": "from log import LINES\nLINES.append('loud')\nSIZE = 3\n",
        "calm": "from loud import SIZE\nTWICE = SIZE * 2\n",
        "main": "from calm import TWICE\nfrom log import LINES\ndef run(): return TWICE, LINES\n",
    },
}
RUN = "import main; print(main.run())"


def squeezed(package: dict[str, str], users: tuple[str, ...] = ()) -> dict[str, str]:
    paths = {Path(*name.split(".")).with_suffix(".py"): text for name, text in package.items()}
    return {str(path): text for path, text in squeeze(paths, users)[0].items()}


def output(folder: Path, sources: dict[str, str], code: str = RUN) -> str:
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr + "\n".join(sources.values())
    return done.stdout


@pytest.mark.parametrize("name", PACKAGES)
def test_it_does_the_same(name: str, tmp_path: Path):
    package = PACKAGES[name]
    before = {name.replace(".", "/") + ".py": text for name, text in package.items()}
    after = squeezed(package, (RUN,))
    assert after != before
    expected = output(tmp_path / "before", before)
    if name == "namedtuples_and_annotations":
        expected = expected.replace("False)", "True)")  # there is no docstring any more
    assert output(tmp_path / "after", after) == expected


def test_constants_and_their_imports_go():
    after = squeezed(PACKAGES["constants_across_files"], (RUN,))
    assert after["again.py"].strip() == ""
    big = re.findall(r"(\w+) = 1 << 30", after["limits.py"])  # too large: no small int of an ESP32
    assert "MOST" not in "".join(after.values())
    assert "1073741823" in after["main.py"]
    assert f"from limits import {big[0]}\n" in after["main.py"]
    package = {"limits": "MOST = 5\nLEAST = 1\n", "main": "from limits import MOST\nprint(MOST)\n"}
    assert squeezed(package)["limits.py"].strip() == ""
    assert squeezed(package, ("from limits import MOST",))["limits.py"] == "MOST = 5\n"
    assert squeezed(package, ("import limits\nlimits.LEAST",))["limits.py"] == "LEAST = 1\n"


def test_files_share_their_short_names_unless_they_share_objects():
    one = "class {}:\n    def __init__(self): self._{} = 1\n    def get(self): return self._{}\n"
    package = {"a": one.format("A", "x", "x"), "b": one.format("B", "y", "y")}
    users = ("from a import A\nfrom b import B\nA().get(), B().get()",)
    word = next(iter(squeeze({Path("a.py"): package["a"]}, users)[1]["a"]))
    assert word in WORDS
    assert [text.count(f"self.{word}") for text in squeezed(package, users).values()] == [2, 2]
    package["b"] = "from a import A\n" + package["b"].replace("B:", "B(A):")
    names = squeeze({Path(f"{n}.py"): text for n, text in package.items()}, users)[1]
    assert list(names["a"].values()) == ["_x"]
    assert list(names["b"].values()) == ["_y"]
    assert list(names["a"]) != list(names["b"])


def test_what_files_share_becomes_a_word_of_the_rom_unless_others_may_mean_it():
    package = {
        "shelf": "class Shelf:\n    def tidy(self): return self.read()\n"
        "    def read(self): return 3\n    def config(self, gap_ms=2): return gap_ms\n",
        "main": "from shelf import Shelf\nimport machine\n"
        "def run(): return Shelf().tidy(), Shelf().config(gap_ms=4), machine.config()\n",
    }
    users = (RUN, "def config(): pass")
    text = "".join(squeezed(package, users).values())
    assert not {"Shelf", "tidy", "gap_ms"} & set(re.findall(r"\w+", text))
    assert ".read()" in text  # everybody's: a word of the ROM
    assert ".config(" in text  # who knows whose
    paths = {Path(f"{n}.py"): text for n, text in package.items()}
    assert {"Shelf", "tidy", "gap_ms"} == set(squeeze(paths, users)[1][""].values())


def test_names_of_a_bundle_lead_back_to_the_real_ones():
    """A traceback in it names the root and a word: that may stand for one name or for several."""
    package = {
        "a": "def _kept(): return 1\ndef first(): return _kept()\n",
        "b": "def _other(): return 2\ndef second(): return _other()\n",
        "main": "from a import first\nfrom b import second\ndef run(): return first(), second()\n",
    }
    paths = {Path(f"{name}.py"): text for name, text in package.items()}
    left, names = squeeze(paths, (RUN,), ("main",))
    assert list(left) == [Path("main.py")]
    defined = re.findall(r"def (\w+)", left[Path("main.py")])
    words = names["main"] | names[""]
    found = [words.get(word, word) for word in defined]
    assert "b._other" in found[2:]  # the second of two that had got one short name
    assert "a._kept" in found[0]
    assert {"first", "second", "run"} <= set(found)


def test_the_words_are_in_the_rom():
    code = "import micropython\nfor word in {!r}.split():\n    exec('0 and a.' + word)\n"
    code += "micropython.qstr_info()\n"
    counts = []
    for words in ("int", " ".join(WORDS)):
        done = subprocess.run(
            [find_micropython(), "-c", code.format(words)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        counts.append(int(re.findall(r"n_qstr=(\d+)", done.stdout)[0]))
    assert counts[1] - counts[0] <= 1  # all of them together, as one string


def test_functions_that_nothing_names_go_but_not_what_a_base_may_call():
    package = {
        "main": "import abc\nfrom other import helper\ndef used(): pass\ndef unused(): helper()\n"
        "class A:\n    def __len__(self): return 1\n    def alone(self): pass\n"
        "class B(abc.ABC):\n    def hook(self): pass\n",
        "other": "print()\ndef helper(): return SIZE\n",
    }
    after = squeezed(package, ("import main\nmain.used(), main.A, main.B",))
    assert "from other import " in after["main.py"]  # other.py may do something when it is loaded
    assert after["main.py"].count("def ") == 3
    assert "__len__" in after["main.py"]
    assert "def " in after["main.py"].partition("(abc.ABC)")[2]


def test_machine_code_is_left_alone_and_what_it_names_stays():
    fast = "from main import SIZE\n@micropython.viper\ndef f(x: int) -> int: return x + SIZE\n"
    after = squeezed({"fast": fast, "main": "SIZE = 2\n_alone = SIZE\n"})
    assert after["fast.py"] == fast
    assert "SIZE = 2" in after["main.py"]


def test_it_is_deterministic_and_names_the_file_that_does_not_parse():
    package = {Path(f"{n}.py"): text for n, text in PACKAGES["shadowed_constants"].items()}
    assert squeeze(package) == squeeze(dict(reversed(package.items())))
    with pytest.raises(SyntaxError) as caught:
        squeeze({Path("firmware/x.py"): "x = ("})
    assert caught.value.filename == "firmware/x.py"


MESH = """
import sys
sys.path[:0] = [{squeezed!r}, {bench!r}]
import mesh_in_a_box, shared_protocol.node as node
assert node.__file__.startswith({squeezed!r})
box = mesh_in_a_box.Box(seed=3, loss_pct=10)
for number in (1, 2, 3):
    box.add(number)
box.join(1, 2)
box.join(2, 3)
box.run(30_000, lambda: box.fresh(2) == 2)
wire = bytes([0 << 6 | 0 << 3 | 1 << 1, 7 << 4]) + bytes(range(12)) + b"hello"
assert box.nodes[1].submit(wire, 0, 0, box.now_ms) == 0
assert box.run(60_000, lambda: ("arrived", wire, 2) in box.nodes[3].events), box.nodes[3].events
print("arrived")
"""


@pytest.mark.parametrize("roots", [(), ("shared_protocol.parcel_index", "shared_protocol.node")])
def test_the_squeezed_protocol_brings_a_message_over_three_nodes(
    tmp_path: Path, roots: tuple[str, ...]
):
    sources = {
        path.relative_to(REPOSITORY): path.read_text()
        for path in sorted((REPOSITORY / "shared_protocol").rglob("*.py"))
    }
    bench = REPOSITORY / "tests/protocol"
    code = MESH.format(squeezed=str(tmp_path) + os.sep, bench=str(bench))
    users = [code, *(path.read_text() for path in bench.glob("mesh_*.py"))]
    left = squeeze(sources, users, roots)[0]
    for path, text in left.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    if roots:  # what the test bench imports by its own name
        for name, word in (("frame", "FrameCipher"), ("neighbours", "AIR, TETHER")):
            path = tmp_path / f"shared_protocol/{name}.py"
            assert not path.exists()
            path.write_text(f"from shared_protocol.node import {word}\n")
    modules = [".".join(path.with_suffix("").parts) for path in left]
    output(tmp_path, {}, "\n".join(f"import {name}" for name in modules if "__" not in name))
    assert output(tmp_path, {}, code) == "arrived\n"
