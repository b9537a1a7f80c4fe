"""`${% if %}`, `${% for %}` and `${% set %}`: the statements a template may hold, and the text they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runner.templating.evaluate import Scope, value
from runner.templating.filters import items_of
from runner.templating.operators import written
from runner.templating.syntax import Expression, Template
from runner.templating.values import TemplateError

Sink = Callable[[str], None]


def fill(template: Template, scope: Scope) -> Any:
    """What a template gives: a value of any type where it is one expression, else a string.

    Raises TemplateError.
    """
    if template.body is not None:
        return run(template.body, scope)
    values = [part if isinstance(part, str) else _evaluated(part, scope) for part in template.parts]
    if template.whole:
        return values[0]
    texts = [written(scope.budget, each) for each in values]
    scope.budget.room(sum(map(len, texts)))
    return "".join(texts)


def _evaluated(part: Expression, scope: Scope) -> Any:
    try:
        return value(part.tree, scope)
    except TemplateError as error:
        raise error.within(part.text) from None


def run(body: Sequence[Any], scope: Scope) -> str:
    """The text that a whole template makes."""
    made: list[str] = []

    def sink(written_text: str) -> None:
        scope.budget.room(len(written_text))
        made.append(written_text)

    _block(body, scope, sink)
    return "".join(made)


def _block(body: Sequence[Any], scope: Scope, sink: Sink) -> Scope:
    for node in body:
        scope.budget.step()
        scope = _STATEMENTS[type(node).__name__](node, scope, sink)
    return scope


def _output(node: Any, scope: Scope, sink: Sink) -> Scope:
    for each in node.nodes:
        sink(written(scope.budget, value(each, scope)))
    return scope


def _if(node: Any, scope: Scope, sink: Sink) -> Scope:
    # what a branch sets is seen after it, as in Jinja
    if value(node.test, scope):
        return _block(node.body, scope, sink)
    for branch in node.elif_:
        if value(branch.test, scope):
            return _block(branch.body, scope, sink)
    return _block(node.else_, scope, sink)


def _for(node: Any, scope: Scope, sink: Sink) -> Scope:
    rounds = [_bound(node.target, each) for each in items_of(scope.budget, value(node.iter, scope), "a loop")]
    if node.test is not None:
        rounds = [names for names in rounds if value(node.test, scope.with_names(names))]
    for index, names in enumerate(rounds):
        # what a round sets is forgotten after it, as in Jinja
        _block(node.body, scope.with_names({**names, "loop": _loop(index, len(rounds))}), sink)
    if not rounds:
        _block(node.else_, scope, sink)
    return scope


def _set(node: Any, scope: Scope, _: Sink) -> Scope:
    return scope.with_names(_bound(node.target, value(node.node, scope)))


def _bound(target: Any, given: Any) -> dict[str, Any]:
    """`a` or `a, b` with what they stand for."""
    if type(target).__name__ == "Name":
        return {target.name: given}
    if not isinstance(given, list) or len(given) != len(target.items):
        raise TemplateError(f"a list of {len(target.items)} items is needed for {len(target.items)} names")
    names: dict[str, Any] = {}
    for each, one in zip(target.items, given, strict=True):
        names |= _bound(each, one)
    return names


def _loop(index: int, length: int) -> dict[str, Any]:
    return {
        "index": index + 1,
        "index0": index,
        "revindex": length - index,
        "revindex0": length - index - 1,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }


_STATEMENTS: dict[str, Callable[[Any, Scope, Sink], Scope]] = {
    "Output": _output,
    "If": _if,
    "For": _for,
    "Assign": _set,
}
