"""Lay a queue file over its template, and find out which of the two a value came from. Pure."""

from __future__ import annotations

from typing import Any

from runner.problems import Route

_OWN = frozenset({"queue_id", "template", "with"})
"""Fields that a file does not inherit: two files that use one template are two queues."""


def overlay(template: Any, file: Any) -> Any:
    """The template's fields with the file's over them.

    Mappings are laid over by key, at any depth; `jobs` by `job_id`, where a new id is appended;
    every other list, and every scalar, is replaced. Neither tree is modified; where one of the two
    is not a mapping (the schema says so), the file's is the result.
    """
    if not isinstance(template, dict) or not isinstance(file, dict):
        return file
    inherited = {key: value for key, value in template.items() if key not in _OWN}
    merged = _over(inherited, file)
    if isinstance(template.get("jobs"), list) and isinstance(file.get("jobs"), list):
        merged["jobs"] = _jobs(template["jobs"], file["jobs"])
    return merged


def origin(template: Any, file: Any, route: Route) -> tuple[bool, Route]:
    """Where the value at a route of `overlay(template, file)` was written: (in the file?, its route there).

    What both have is the file's. A route that leads nowhere in either is the file's nearest enclosing value.
    """
    in_file, in_template = _source(template, file, route)
    if _leads(file, in_file) or not _leads(template, in_template):
        return True, in_file
    return False, in_template


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _jobs(below: list[Any], above: list[Any]) -> list[Any]:
    places = _places(below)
    merged = list(below)
    for job in above:
        place = places.pop(
            _id(job), None
        )  # a second job of this id is appended, and so found to be a duplicate
        if place is None:
            merged.append(job)
        else:
            merged[place] = _over(below[place], job)
    return merged


def _id(job: Any) -> str:
    found = job.get("job_id") if isinstance(job, dict) else None
    return found if isinstance(found, str) else ""


def _places(jobs: list[Any]) -> dict[str, int]:
    """job id → its first place."""
    return {_id(job): place for place, job in reversed(list(enumerate(jobs))) if _id(job)}


def _source(template: Any, file: Any, route: Route) -> tuple[Route, Route]:
    """The route in the file and in the template; one that leads nowhere ends in an impossible key."""
    lists = [tree.get("jobs") if isinstance(tree, dict) else None for tree in (file, template)]
    if len(route) < 2 or route[0] != "jobs" or not isinstance(route[1], int):
        return route, route
    if not isinstance(lists[0], list) or not isinstance(lists[1], list):
        return route, route
    pairs = _merged_places(lists[1], lists[0])
    own, inherited = pairs[route[1]] if route[1] < len(pairs) else (None, None)
    rest = route[2:]
    return (
        ("jobs", -1 if own is None else own, *rest),
        ("jobs", -1 if inherited is None else inherited, *rest),
    )


def _merged_places(below: list[Any], above: list[Any]) -> list[tuple[int | None, int | None]]:
    """For each merged job its place in the file and in the template."""
    places = _places(below)
    pairs: list[tuple[int | None, int | None]] = [(None, place) for place in range(len(below))]
    for index, job in enumerate(above):
        place = places.pop(_id(job), None)
        if place is None:
            pairs.append((index, None))
        else:
            pairs[place] = (index, place)
    return pairs


def _leads(tree: Any, route: Route) -> bool:
    for key in route:
        in_list = isinstance(tree, list) and isinstance(key, int) and 0 <= key < len(tree)
        if not in_list and not (isinstance(tree, dict) and key in tree):
            return False
        tree = tree[key]
    return True
