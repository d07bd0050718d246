"""Who may import whom: the core stands alone, firmware and gateway never meet."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE_MAY = {"struct", "binascii", "hashlib", "collections", "array", "shared_protocol"}


def at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """As ast.walk, without what stands under `if TYPE_CHECKING:`."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        hidden = isinstance(child, ast.If) and isinstance(child.test, ast.Name)
        if not (hidden and child.test.id == "TYPE_CHECKING"):
            yield from at_run_time(child)


def imported(package: str) -> Iterator[tuple[str, str]]:
    """(file, top-level module) of every import in a package, wherever in the file it stands."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in at_run_time(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names = [node.module or ""]
            else:
                continue
            for name in names:
                yield str(path.relative_to(ROOT)), name.split(".")[0]


def test_the_core_imports_five_modules_and_itself() -> None:
    assert {(f, m) for f, m in imported("shared_protocol") if m not in CORE_MAY} == set()


@pytest.mark.parametrize(
    ("package", "never"),
    [("firmware", "gateway"), ("gateway", "firmware"), ("firmware", "tools")],
)
def test_the_shells_do_not_meet(package: str, never: str) -> None:
    found = list(imported(package))
    assert found
    assert [f for f, m in found if m == never] == []


def test_the_core_reads_no_clock_and_rolls_no_dice() -> None:
    """No open, print or input, no floats: the core does no I/O and counts in integers."""
    for path in sorted((ROOT / "shared_protocol").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"open", "print", "input", "float", "hash"}, path
            if isinstance(node, ast.Constant):
                assert not isinstance(node.value, float), path
            assert not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div), path
