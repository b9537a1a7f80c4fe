"""The graph: dependencies and handlers that exist, and no circle, job → handler edges included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.problems import Problem, Route, shorten
from runner.validate.circles import circles
from runner.validate.facts import Facts, JobAt, depends_on, is_expression
from runner.validate.nearest import did_you_mean

_MODES = "`stop` and `continue` belong to the `on_failure` of the queue; here it names a job"
_SHOWN = 8
"""Jobs of a circle that a message names; the rest is counted."""


def dependencies(facts: Facts) -> Iterator[Problem]:
    known = facts.by_id
    for job in facts.jobs:
        for index, name in enumerate(depends_on(job)):
            if name == job.job_id and name in facts.duplicated:
                continue  # the other job of that id may be meant
            if name == job.job_id:
                message = f"the job `{shorten(name)}` depends on itself"
                yield _at(job, index, "self-dependency", message, "take it out of `depends_on`")
            elif name not in known and not is_expression(name):
                message = f"there is no job `{shorten(name)}` to depend on"
                yield _at(job, index, "unknown-dependency", message, _meant(name, facts))


def handlers(facts: Facts) -> Iterator[Problem]:
    default = facts.defaults.get("on_failure")
    if default is not None and default not in facts.by_id and not is_expression(default):
        message = f"there is no job `{shorten(default)}` to handle failures"
        yield _no_handler(default, message, facts.in_defaults("on_failure"), facts)
    for job in facts.jobs:
        handler = job.fields.get("on_failure")
        if handler is None or is_expression(handler):
            continue
        if handler == job.job_id and handler in facts.duplicated:
            continue
        if handler == job.job_id:
            message, hint = f"the job `{shorten(handler)}` is its own failure handler", "name another job"
            yield Problem(rule="self-dependency", message=message, hint=hint, route=job.route("on_failure"))
        elif handler not in facts.by_id:
            message = f"there is no job `{shorten(handler)}` to handle a failure of this one"
            yield _no_handler(handler, message, job.route("on_failure"), facts)


def _no_handler(name: str, message: str, route: Route, facts: Facts) -> Problem:
    hint = _MODES if name in ("stop", "continue") else _meant(name, facts)
    return Problem(rule="unknown-handler", message=message, hint=hint, route=route)


def acyclic(facts: Facts) -> Iterator[Problem]:
    if _in_order(facts):
        return
    for circle in circles(waits_for(facts)):
        if not facts.duplicated.isdisjoint(circle):
            continue
        first = min(range(len(circle)), key=lambda i: facts.by_id[circle[i]].number)
        yield _circle(facts, [*circle[first:], *circle[:first]])


def _in_order(facts: Facts) -> bool:
    """Whether every job stands after those it waits for, as most files have it: then there is no circle."""
    seen: set[str] = set()
    known = facts.by_id
    for job in facts.jobs:
        if any(name not in seen and name in known for name in depends_on(job)):
            return False
        seen.add(job.job_id)
    place = {job_id: job.number for job_id, job in known.items()}
    return all(place[namer] < place[handler] for namer, handler in facts.handlers.items())


def waits_for(facts: Facts) -> Mapping[str, Sequence[str]]:
    """Job id → the ids it starts after: its dependencies, and for a handler the jobs that name it."""
    known = facts.by_id
    before: dict[str, list[str]] = {
        job_id: [d for d in depends_on(job) if d != job_id and d in known] for job_id, job in known.items()
    }
    for job_id, handler in facts.handlers.items():
        if handler != job_id:
            before[handler].append(job_id)
    return before


def _circle(facts: Facts, circle: list[str]) -> Problem:
    """`circle`: each waits for the next one, the last for the first."""
    job = facts.by_id[circle[0]]
    arrows = zip(circle, [*circle[1:], circle[0]], strict=True)
    named = [(one, other) for one, other in arrows if other not in depends_on(facts.by_id[one])]
    path = _path([*circle, circle[0]])
    if named:
        handler, naming = named[0]
        where = facts.by_id[naming]
        message = (
            f"`{shorten(naming)}` names the handler `{shorten(handler)}`, which has to run before it: {path}"
        )
        hint = "a handler runs after every job that names it: let the job not depend on it"
        at_default = "on_failure" not in where.fields
        route = facts.in_defaults("on_failure") if at_default else where.route("on_failure")
        return Problem(rule="handler-cycle", message=message, hint=hint, route=route)
    index = depends_on(job).index(circle[1])
    message = f"{len(circle):,} jobs wait for each other in a circle: {path}"
    return _at(job, index, "cycle", message, "take one of these dependencies away")


def _path(jobs: list[str]) -> str:
    shown = [shorten(job, 40) for job in jobs]
    if len(shown) > _SHOWN + 1:
        half = _SHOWN // 2
        shown = [*shown[:half], f"… {len(jobs) - 2 * half:,} more …", *shown[-half:]]
    return " → ".join(shown)


def _meant(name: str, facts: Facts) -> str:
    return did_you_mean(name, facts.by_id) or "`job_id` of a job in this file"


def _at(job: JobAt, index: int, rule: str, message: str, hint: str) -> Problem:
    return Problem(rule=rule, message=message, hint=hint, route=job.route("depends_on", index))
