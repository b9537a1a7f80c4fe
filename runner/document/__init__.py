"""bytes → plain values with positions: the first stage.

`parse` gives a tree of dict, list, str, int, float, bool and None, or the problems that stand in the
way. YAML is 1.2 with the core schema, one document a file; JSON is read at C speed. Whatever the bytes
are, time and memory are bounded: depth, size, aliases and numbers are checked on the stream, before a
value exists. Positions are computed only for problems, by `locate` and `place`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runner.document import excerpts, json_tree, text, yaml_tree
from runner.document.limits import MAX_BYTES, Refused
from runner.document.positions import Place, find
from runner.problems import Location, Problem, Route

__all__ = ["MAX_BYTES", "Document", "locate", "parse", "place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file: `name` as the user gave it, the bytes, and the values in them.

    Equal aliases may be one shared object: nobody may change the tree in place.
    """

    name: str
    raw: bytes = field(repr=False)
    tree: Any = field(repr=False)
    is_json: bool = False


def parse(raw: bytes, name: str) -> Document | list[Problem]:
    """The values of a YAML or JSON file, or every problem found, each with its location."""
    try:
        content = text.decode(raw)
        is_json, (tree, flaws) = _read(content, strict=name.endswith(".json"))
    except Refused as refused:
        return [refused.flaw.problem(name)]
    if flaws:
        return [flaw.problem(name) for flaw in flaws]
    return Document(name=name, raw=raw, tree=tree, is_json=is_json)


def locate(document: Document, route: Route, at_key: bool = False) -> Location:
    """Where a route leads to; where it leads nowhere, the nearest mapping or list on the way."""
    place = _places(document, text.decode(document.raw), [(route, at_key)])[0]
    return Location(file=document.name, line=place.line, column=place.column)


def place(document: Document, problems: Iterable[Problem]) -> list[Problem]:
    """The problems with their locations, in one pass over the file however many there are."""
    given = list(problems)
    routes = [route for p in given if p.location is None for route in _routes(p)]
    if not routes:
        return given
    content = text.decode(document.raw)
    found = iter(_places(document, content, routes))
    lines = content.split("\n")
    return [p if p.location is not None else _placed(p, document.name, lines, found) for p in given]


def _routes(problem: Problem) -> Iterator[tuple[Route, bool]]:
    yield problem.route, problem.at_key
    if problem.also is not None:
        yield problem.also, False


def _placed(problem: Problem, name: str, lines: Sequence[str], found: Iterator[Place]) -> Problem:
    place = next(found)
    line, column = excerpts.part(lines, place, problem.near)
    placed = problem.placed(Location(file=name, line=line, column=column))
    if problem.also is not None:
        placed = replace(placed, message=f"{problem.message}, in line {next(found).line}", also=None)
    if problem.quotes and (written := excerpts.bare(lines, place)):
        placed = replace(placed, hint=f'{problem.hint}: "{written}"')
    return placed


def _places(document: Document, content: str, routes: list[tuple[Route, bool]]) -> list[Place]:
    return find(json_tree.marks(content) if document.is_json else yaml_tree.marks(content), routes)


def _read(content: str, *, strict: bool) -> tuple[bool, tuple[Any, list[Any]]]:
    """Text that is not JSON after all (flow YAML starts with a brace too) is YAML, unless `strict`."""
    if not strict and not content.lstrip()[:1].startswith(("{", "[")):
        return False, yaml_tree.build(content)
    try:
        return True, json_tree.build(content)
    except json_tree.NotJsonError as error:
        if strict:
            raise error.refused() from None
        return False, yaml_tree.build(content)
