"""A queue file → everything that a plan needs: the way of the front half, step by step.

read → parse → lay over its template → params → render → validate → load
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from runner import config as configuration
from runner.config import Config
from runner.document import Document, parse
from runner.launching.offers import offered
from runner.load import load
from runner.model import Git, Queue
from runner.prepare import reading
from runner.prepare.dear import too_dear
from runner.prepare.discovery import discover
from runner.prepare.layers import Layers, layers_of
from runner.prepare.values import Values, rendered, values_of
from runner.problems import Problem, Route, Severity
from runner.render import Rendered
from runner.validate import Around, check

__all__ = ["Prepared", "discover", "prepare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What became of a file. `problems` are placed and sorted.

    `document` is the file itself (None where it could not be parsed), `tree` what it became once rendered,
    `volatile` the raw text of what read `git` or `now`, `missing` the params that have no value.
    """

    problems: list[Problem]
    document: Document | None = None
    tree: Any = field(default=None, repr=False)
    volatile: Mapping[Route, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    config: Config = field(default_factory=Config)
    make: Callable[[], Queue] | None = field(default=None, repr=False)
    layers: Layers | None = field(default=None, repr=False)

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems with routes of `tree`, where they stand: in the file, or in the template under it."""
        return self.layers.place(problems) if self.layers is not None else list(problems)

    @property
    def queue(self) -> Queue | None:
        """None where there are errors, or params without a value. Made when it is asked for first."""
        return self.make() if self.make is not None else None

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def prepare(
    source: str,
    *,
    checkout: Path,
    environ: Mapping[str, str],
    git: Git,
    now: str,
    params: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    require_params: bool = False,
    config: Config | None = None,
    name: str = "",
    here: bool = False,
) -> Prepared:
    """Read, render, validate and load the queue file at a path (`-`: these `stdin` bytes).

    `config` goes before what the checkout says of itself, which then is not even read. `name` is what
    problems call the file, where that is not the path; `here` says that the queue will run on this machine,
    whichever it asks for. Mistakes in the file or in its params are
    problems. Raises NotFoundError where there is no such file, RunnerError where it cannot be read.
    """
    with _without_collector():
        problems: list[Problem] = []
        if config is None:
            config, problems = configuration.read(checkout)
        raw = reading.read(source, checkout, stdin, name)
        parsed = raw if isinstance(raw, list) else parse(raw, name or source)
        if isinstance(parsed, list):
            return Prepared(problems=problems + parsed, config=config)
        layers = layers_of(parsed, checkout)
        if layers.problems:  # without its template little can be said of the file
            return Prepared(problems=problems + layers.problems, document=parsed, config=config)
        values = values_of(layers, params or {}, require=require_params)
        made = rendered(layers, values, git, now)
        around = _around(config, environ, here=here, broken=bool(problems))
        found = check(made.tree, around=around, deferred=made.deferred)
        problems += layers.place([*_unless_said(values.problems, found), *made.problems, *found])
        make = _maker(layers, values, made, config, problems)
        dear = layers.place(too_dear(make, made.tree, config)) if make is not None and not here else []
        problems += dear
        return Prepared(
            make=make if not dear else None,
            problems=sorted(problems, key=_position),
            document=layers.document,
            tree=made.tree,
            volatile=made.volatile,
            missing=values.missing,
            config=config,
            layers=layers,
        )


def _unless_said(problems: list[Problem], found: list[Problem]) -> list[Problem]:
    """Without those of params at places where the schema finds the same."""
    said = {problem.route for problem in found}
    return [problem for problem in problems if problem.route not in said]


def _around(config: Config, environ: Mapping[str, str], *, here: bool, broken: bool) -> Around:
    """`broken`: nothing is known of the configuration but that it has mistakes, which are said already."""
    named = ("region", "bucket", "instance_profile", "security_group", "subnets")
    return Around(
        policy=config.policy,
        machine=config.machine,
        has_aws=config.has_aws,
        account=frozenset(name for name in named if broken or getattr(config.account, name)),
        region=config.account.region,
        offered=offered,
        environ=environ,
        here=here,
    )


def _maker(
    layers: Layers, values: Values, made: Rendered, config: Config, problems: list[Problem]
) -> Callable[[], Queue] | None:
    if values.missing or any(problem.severity is Severity.ERROR for problem in problems):
        return None

    @cache
    def make() -> Queue:
        with _without_collector():
            return load(
                made.tree,
                name=layers.document.name,
                params=values.given,
                deferred=made.deferred,
                machine=config.machine,
            )

    return make


def _position(problem: Problem) -> tuple[str, int, int]:
    place = problem.location
    return (place.file, place.line, place.column) if place is not None else ("", 0, 0)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Plain trees have no cycles: the cycle collector would only walk them, for a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
