"""What a part of the program needs of it: its modules, found by their imports, and the packages of others.

Imports are read, not carried out; those inside functions count, those for the type checker do not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import runner

_TOP = "runner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """`modules` of our own → their files; `others`: packages of others → a module that imports each."""

    modules: dict[str, Path]
    others: dict[str, str]


def closure(roots: Iterable[str]) -> Closure:
    modules: dict[str, Path] = {}
    others: dict[str, str] = {}
    waiting = [(root, "") for root in roots]
    while waiting:
        name, importer = waiting.pop()
        if name.partition(".")[0] != _TOP:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                others.setdefault(name.partition(".")[0], importer)
            continue
        for module in _with_parents(name):
            path = _path(module)
            if path is not None and module not in modules:
                modules[module] = path
                waiting += [(found, module) for found in _imported(path)]
    return Closure(modules=dict(sorted(modules.items())), others=dict(sorted(others.items())))


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _path(module: str) -> Path | None:
    """None for a name that a module defines."""
    place = Path(runner.__file__).parent.joinpath(*module.split(".")[1:])
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _imported(path: Path) -> Iterator[str]:
    for node in _statements(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not _is_for_types(child):
            yield child
            yield from _statements(child)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
