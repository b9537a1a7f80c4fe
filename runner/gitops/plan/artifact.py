"""The one `plan.json` that the plan workflow hands to the comment workflow: what is in it, and writing it.

At most 1 MiB: plans that take more are packed, the largest first. `receiving` reads it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner.model import Plan
from runner.plan import to_json
from runner.problems import Location, Problem, Severity, shorten

NAME = "plan.json"
ARTIFACT = "runner-plan"
"""The name under which a workflow run keeps it."""
VERSION = 1
LIMIT = 1 << 20
UNPACKED = 8 << 20
"""Bytes that all packed plans of one file may have once they are unpacked."""
MOST_FILES = 300
MOST_JOBS = 30_000
"""Of all plans together."""
MOST_REMOVED = 200
MOST_PROBLEMS = 300
"""Of one file. A file in which everything is wrong says so this often."""
MOST_PARAMS = 100
LONGEST_TEXT = 2000
LONGEST_PATH = 500
Level = tuple[int, int]
_FEWER: tuple[Level, ...] = ((MOST_PROBLEMS, LONGEST_TEXT), (30, 500), (5, 200), (2, 100))
"""How many problems of a file, and how much of each."""
_FRAME = 1000
_SPLIT = f"all plans of a pull request together have {LIMIT >> 20} MiB: split it into several"
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One queue file. `plan` is the symbolic one, see `runner.plan.symbolic`; None where there is none.

    `params` are those without a value: nothing is wrong, somebody gives them when starting it by hand.
    """

    source: str
    plan: Plan | None = None
    problems: tuple[Problem, ...] = ()
    params: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        no_plan = self.plan is None and not self.params
        return no_plan or any(problem.severity is Severity.ERROR for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """`sha` is the commit that was planned, `base` the one it was compared with."""

    sha: str
    base: str
    runner_version: str
    queues: tuple[PlannedFile, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def plans(self) -> list[Plan]:
        return [file.plan for file in self.queues if file.plan is not None]


def written(bundle: Bundle) -> tuple[Bundle, bytes]:
    """The bytes of `plan.json`, at most LIMIT, and what is in them.

    Where there is no room, long texts and problems beyond the first few are left out; a plan that is too
    large even packed becomes a problem, since nobody could review it.
    """
    bundle = replace(bundle, removed=bundle.removed[:MOST_REMOVED])
    if sum(len(plan.queue.jobs) for plan in bundle.plans) > MOST_JOBS:
        return written(_without_largest(bundle))
    for level in _FEWER:
        heads = [_encode(_head(file, level)) for file in bundle.queues]
        raw = _encoded(bundle, heads)
        if raw is not None:
            return bundle, raw
        if sum(map(len, heads)) <= LIMIT // 2:
            return written(_without_largest(bundle))
    first = bundle.queues[0].source
    problem = Problem(
        rule="too-large", message="there is too much in this pull request to review it", hint=_SPLIT
    )
    alone = PlannedFile(source=first, problems=(problem,))
    return written(replace(bundle, queues=(alone,), removed=()))


def _encoded(bundle: Bundle, heads: Sequence[str]) -> bytes | None:
    """`heads` are the files without their plans. None where they do not fit."""
    bodies = [_plain(file.plan) for file in bundle.queues]
    room = LIMIT - _FRAME - sum(map(len, heads))
    by_size = sorted(range(len(bodies)), key=lambda i: -len(bodies[i]))
    total = sum(map(len, bodies))
    unpacked = 0
    for at in by_size:
        if total <= room or not bodies[at]:
            break
        packed = _packed(bundle.queues[at].plan)
        unpacked += len(bodies[at])
        total += len(packed) - len(bodies[at])
        bodies[at] = packed
    if total > room or unpacked > UNPACKED:
        return None
    queues = ",".join(f"{head[:-1]}{body}}}" for head, body in zip(heads, bodies, strict=True))
    frame = {
        "version": VERSION,
        "sha": bundle.sha,
        "base": bundle.base,
        "runner_version": bundle.runner_version,
        "removed": bundle.removed,
    }
    raw = f'{_encode(frame)[:-1]},"queues":[{queues}]}}'.encode("ascii")
    return raw if len(raw) <= LIMIT else None


def _without_largest(bundle: Bundle) -> Bundle:
    """With a problem in place of the plan that takes the most room."""
    files = list(bundle.queues)
    at = max(range(len(files)), key=lambda i: len(_plain(files[i].plan)))
    files[at] = replace(files[at], plan=None, problems=(_too_large(files[at]), *files[at].problems))
    return replace(bundle, queues=tuple(files))


def _head(file: PlannedFile, level: Level) -> dict[str, Any]:
    most, longest = level
    form: dict[str, Any] = {"source": file.source}
    if file.params:
        form["params"] = [shorten(name, min(longest, 200)) for name in file.params[: min(most, MOST_PARAMS)]]
    if file.problems:
        form["problems"] = [_problem(problem, longest) for problem in _first(file.problems, most)]
    return form


def _first(problems: Sequence[Problem], most: int) -> list[Problem]:
    """Errors go before warnings where not all fit."""
    if len(problems) <= most:
        return list(problems)
    ordered = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)
    rest = f"there are {len(problems) - most + 1:,} more problems, which the plan workflow shows"
    return [*ordered[: most - 1], Problem(rule="more", message=rest, severity=Severity.WARNING)]


def _problem(problem: Problem, longest: int) -> dict[str, Any]:
    form: dict[str, Any] = {"rule": problem.rule, "message": shorten(problem.message, longest)}
    if problem.severity is not Severity.ERROR:
        form["severity"] = problem.severity.value
    if problem.hint:
        form["hint"] = shorten(problem.hint, longest)
    place = problem.location
    if place is not None and is_clean(place.file):
        form |= {"file": place.file, "line": place.line, "column": place.column}
    return form


def is_clean(path: str) -> bool:
    """A path inside the repository, as git writes it: no way up, nothing that cannot be seen."""
    parts = path.split("/")
    return (
        len(path) <= LONGEST_PATH
        and path.isprintable()
        and "\\" not in path
        and not any(part in {"", ".", ".."} for part in parts)
        and parts[0] != ".git"
    )


def _plain(plan: Plan | None) -> str:
    return f',"plan":{to_json(plan).decode("ascii")}' if plan is not None else ""


def _packed(plan: Plan | None) -> str:
    if plan is None:
        return ""
    return f',"packed":"{base64.b64encode(zlib.compress(to_json(plan), 9)).decode("ascii")}"'


def _too_large(file: PlannedFile) -> Problem:
    jobs = len(file.plan.queue.jobs) if file.plan is not None else 0
    message = f"the plan of {shorten(file.source)} ({jobs:,} jobs) is too large to be handed to the review"
    return Problem(rule="too-large", message=message, hint=_SPLIT, location=Location(file=file.source))
