"""A queue file and the template under it: one tree, and the way back from a route to a line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner import document, resources
from runner.document import Document
from runner.problems import Problem, Route, shorten
from runner.templates import origin, overlay
from runner.validate.nearest import did_you_mean

FOLDER = "templates/queues"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
ENDINGS = (".yaml", ".yml", ".json")
"""Where a template has several, the first counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """`tree` is the file's, laid over its template's. `problems` are placed: the template cannot be used."""

    document: Document
    tree: Any = field(repr=False)
    template: Document | None = None
    problems: list[Problem] = field(default_factory=list)

    def place(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of the tree where they stand: in the file, or in its template."""
        if self.template is None:
            return document.place(self.document, problems)
        placed: list[Problem] = []
        for problem in problems:
            in_file, route = origin(self.template.tree, self.document.tree, problem.route)
            owner = self.document if in_file else self.template
            also = self._also(problem, in_file)
            located = document.place(owner, [replace(problem, route=route, also=also)])[0]
            placed.append(replace(located, route=problem.route))
        return placed

    def _also(self, problem: Problem, in_file: bool) -> Route | None:
        """A line number says nothing where it is of the other file."""
        if problem.also is None or self.template is None:
            return None
        same, route = origin(self.template.tree, self.document.tree, problem.also)
        return route if same == in_file else None


def layers_of(parsed: Document, checkout: Path) -> Layers:
    """The file with the template that it names, if it names one."""
    name = template_name(parsed.tree)
    if not name:
        return Layers(document=parsed, tree=parsed.tree)
    found = _find(name, checkout)
    if found is None:
        hint = did_you_mean(name, _names(checkout)) or "`runner template list` shows those there are"
        message = f"there is no template `{shorten(name)}`"
        problem = Problem(rule="template", message=message, hint=hint, route=("template",))
        return _unusable(parsed, document.place(parsed, [problem]))
    template = document.parse(found.read_bytes(), f"{FOLDER}/{found.name}")
    if isinstance(template, list):
        return _unusable(parsed, template)
    if not isinstance(template.tree, dict) or "template" in template.tree:
        problem = Problem(
            rule="template",
            message=f"the template `{name}` is not a queue of its own",
            hint="a template is a mapping, and has no `template` itself",
            route=("template",),
        )
        return _unusable(parsed, document.place(parsed, [problem]))
    return Layers(document=parsed, tree=overlay(template.tree, parsed.tree), template=template)


def template_name(tree: Any) -> str:
    """The template that a file's tree names, "" for none and for what is no name (the schema says so)."""
    name = tree.get("template") if isinstance(tree, dict) else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else ""


def _unusable(parsed: Document, problems: list[Problem]) -> Layers:
    return Layers(document=parsed, tree=parsed.tree, problems=problems)


def _folders(checkout: Path) -> tuple[Path, Path]:
    return checkout / FOLDER, resources.path("templates", "queues")


def _find(name: str, checkout: Path) -> Path | None:
    """The checkout's own template first. Nothing outside of the two folders is read."""
    for folder in _folders(checkout):
        for ending in ENDINGS:
            path = folder / f"{name}{ending}"
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path
    return None


def _names(checkout: Path) -> list[str]:
    return [
        path.stem
        for folder in _folders(checkout)
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix in ENDINGS
    ]
