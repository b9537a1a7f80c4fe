"""Expressions that belong to a run: `when`, and fields that read what other jobs gave.

`condition` says, while planning, what a `when` reads; `answer` evaluates what a due job left for the run.
Both are pure; `evaluator` runs `answer` in a process of its own, with bounds.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runner.model import FAILED_FOR_GOOD, Git, Outcome
from runner.templating.budget import Budget
from runner.templating.evaluate import Scope, range_of, value
from runner.templating.facts import PLAN_TIME, RUN_TIME
from runner.templating.operators import written
from runner.templating.scan import has_template
from runner.templating.statements import fill
from runner.templating.syntax import Expression, expression, parse
from runner.templating.values import LimitError, TemplateError, UndefinedError, kind, nearest, unfit

_WHEN_NAMES = (PLAN_TIME | RUN_TIME) - {"now"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a `when` reads: job ids, and whether it replaces the gate. `problem` is a sentence, or ""."""

    reads: frozenset[str] = frozenset()
    gates: bool = False
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What an expression may know of a job that has ended.

    `status` is its outcome. `held_back`: it was skipped because of a failure (not by its own `when`).
    """

    status: str
    exit_code: int | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The expressions of a due job, as written, and what they may read.

    `fields` are the job's deferred fields by name. `jobs` holds at least the jobs that the expressions
    mention and those of `direct`: the direct dependencies and, for a handler, the jobs that name it.
    """

    job_id: str
    when: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    git: Git | None = None
    jobs: Mapping[str, JobView] = field(default_factory=dict)
    direct: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`when` None: there was none. `error` is a sentence, "" where all went well."""

    job_id: str
    when: bool | None = None
    values: dict[str, str] = field(default_factory=dict)
    error: str = ""


@functools.lru_cache(maxsize=32_768)
def condition(text: str) -> Condition:
    """What the `when` that is written so reads, with or without `${{ }}`."""
    try:
        facts = when_expression(text).facts
    except TemplateError as error:
        return Condition(problem=error.sentence, hint=error.hint)
    return Condition(reads=facts.jobs, gates=facts.asks)


def when_expression(text: str) -> Expression:
    """The one expression of a `when`. Raises TemplateError where it is none, or can never be evaluated."""
    found = _when_parsed(text)
    for name in sorted(found.facts.names - _WHEN_NAMES):
        close = nearest(name, _WHEN_NAMES)
        hint = f"did you mean {close}?" if close else "it reads params, git and jobs['ID']; texts have quotes"
        raise UndefinedError(f"`when` cannot read '{name[:60]}'", hint).within(found.text)
    return found


def _when_parsed(text: str) -> Expression:
    source = text.strip()
    if not source:
        raise TemplateError("`when` is empty", "write an expression, or leave the field out")
    if not has_template(source):
        try:
            return expression(source)
        except TemplateError as error:
            raise error.within(source) from None
    template = parse(source)
    part = template.parts[0] if template.whole else None
    if not isinstance(part, Expression):
        raise TemplateError(
            "`when` is not one expression", "write it as a whole, with or without ${{ }} around it"
        )
    return part


def answer(request: Request) -> Answer:
    """Evaluate a due job's expressions, `when` first: fields are left alone where it is false."""
    scope = Scope(names=_names(request), budget=Budget(), functions=_functions(request))
    where, when = "when", None
    values: dict[str, str] = {}
    try:
        if request.when is not None:
            when = _holds(when_expression(request.when), scope)
        for where, text in request.fields.items() if when is not False else ():
            values[where] = _text(text, scope)
    except TemplateError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return Answer(job_id=request.job_id, error=f"{where}: {error.sentence}{hint}")
    except (RecursionError, MemoryError):
        return Answer(job_id=request.job_id, error=f"{where}: the expression is too deep or too large")
    return Answer(job_id=request.job_id, when=when, values=values)


def _holds(found: Expression, scope: Scope) -> bool:
    try:
        return truth(value(found.tree, scope))
    except TemplateError as error:
        raise error.within(found.text) from None


def truth(given: Any) -> bool:
    """Whether a `when` holds. Outputs are text, so that `false` as a text must not count as true."""
    if not isinstance(given, str):
        return bool(given)
    if given in {"true", "false", ""}:
        return given == "true"
    raise TemplateError(
        f"`when` gives {kind(given)} that is neither 'true' nor 'false'", "compare it: … == 'text'"
    )


def _text(source: str, scope: Scope) -> str:
    made = written(scope.budget, fill(parse(source), scope))
    if problem := unfit(made):
        raise LimitError(problem)
    return made


def _names(request: Request) -> dict[str, Any]:
    jobs = {
        job_id: {"status": view.status, "exit_code": view.exit_code, "outputs": dict(view.outputs)}
        for job_id, view in request.jobs.items()
    }
    git = {} if request.git is None else {"git": asdict(request.git)}
    return {"params": dict(request.params), "jobs": jobs, **git}


def _functions(request: Request) -> dict[str, Any]:
    views = [request.jobs[job_id] for job_id in request.direct]
    failed = any(view.status in FAILED_FOR_GOOD for view in views)
    hindered = any(view.held_back or view.status == Outcome.CANCELLED for view in views)
    return {
        "range": range_of,
        "succeeded": lambda _: not failed and not hindered,
        "failed": lambda _: failed,
        "always": lambda _: True,
    }
