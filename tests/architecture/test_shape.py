"""Modules and functions stay small, and no module has a name that says nothing."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "assay"

MODULE_LINES = 400
FUNCTION_LINES = 60
# Path below src/assay, or path::function, and the reason why it may be longer.
LONGER: Mapping[str, str] = {}

SAYS_NOTHING = {
    *("util", "utils", "helper", "helpers", "common", "manager", "base", "handle", "handler", "data"),
    *("misc", "process", "v2", "new", "legacy", "old"),
}

MODULES = sorted(SOURCE.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every function with the number of its lines, docstring included, decorators not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def too_long(name: str, text: str) -> set[str]:
    """The module and those of its functions that are over their limits."""
    found = {
        f"{name}::{function}" for function, lines in functions(ast.parse(text)) if lines > FUNCTION_LINES
    }
    return found | ({name} if len(text.splitlines()) > MODULE_LINES else set())


def test_modules_and_functions_stay_small():
    found = set().union(*(too_long(named(path), path.read_text(encoding="utf-8")) for path in MODULES))
    assert found - LONGER.keys() == set(), (
        f"over {MODULE_LINES} lines a module or {FUNCTION_LINES} a function"
    )
    assert LONGER.keys() - found == set(), "no longer too long: take them off the list"


def test_a_long_function_and_a_long_module_are_found():
    body = "\n".join(f"    x = {n}" for n in range(FUNCTION_LINES))
    assert too_long("m.py", f"def f():\n{body}\n") == {"m.py::f"}
    assert too_long("m.py", f"class C:\n    async def f(self):\n{body.replace('    ', '        ')}\n") == {
        "m.py::f"
    }
    assert too_long("m.py", "x = 1\n" * MODULE_LINES) == set()
    assert too_long("m.py", "x = 1\n" * (MODULE_LINES + 1)) == {"m.py"}


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_is_named_for_what_is_in_it(path: Path):
    words = {word for part in path.relative_to(SOURCE).with_suffix("").parts for word in part.split("_")}
    assert not words & SAYS_NOTHING
