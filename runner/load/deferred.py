"""Expressions that wait for the run, sorted by the job they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runner.canonical import JOB_ALIASES
from runner.problems import Route


class Waiting(NamedTuple):
    """`field` as `model.Job.deferred` names it: `command`, `command.0`, `environment.NAME`."""

    field: str
    reads: frozenset[str]


class ByJob(NamedTuple):
    """By the job's index in the file; `defaults` are those of every job without a value of its own."""

    jobs: dict[int, list[Waiting]]
    defaults: list[Waiting]


def sort_by_job(deferred: Mapping[Route, frozenset[str]]) -> ByJob:
    found = ByJob({}, [])
    for route, reads in deferred.items():
        if len(route) > 2 and route[0] == "jobs" and isinstance(route[1], int):
            found.jobs.setdefault(route[1], []).append(Waiting(_name(route[2:]), reads))
        elif len(route) > 1 and route[0] == "defaults":
            found.defaults.append(Waiting(_name(route[1:]), reads))
    return found


def _name(route: Route) -> str:
    first = str(route[0])
    return ".".join([JOB_ALIASES.get(first, first), *map(str, route[1:])])
