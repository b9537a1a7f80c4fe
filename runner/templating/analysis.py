"""What a syntax tree reads, found without evaluating it, and what in it can never work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from runner.templating import checks, filters
from runner.templating.evaluate import METHODS, path
from runner.templating.facts import (
    FUNCTIONS,
    JOB_FIELDS,
    RESERVED,
    STATUS_FUNCTIONS,
    Facts,
    Sources,
    job_id,
    key,
)
from runner.templating.values import TemplateError, nearest

_OUTSIDE_GIT = frozenset({"branch", "pr", "actor"})
_CLEAN_FILTERS = frozenset({"q", "int", "float", "round", "abs", "length", "count"})
_CLEAN_METHODS = frozenset({"startswith", "endswith"})
_KEYWORDS = {
    "Include": "include",
    "Import": "import",
    "FromImport": "from … import",
    "Extends": "extends",
    "Block": "block",
    "Macro": "macro",
    "CallBlock": "call",
    "FilterBlock": "filter … endfilter",
    "AssignBlock": "set … endset",
    "With": "with",
    "ScopedEvalContextModifier": "autoescape",
    "NSRef": "a set of an attribute",
}


def analyse(nodes: Iterable[Any]) -> Facts:
    """The facts of a tree. Raises TemplateError for what no evaluation could make work."""
    walk = _Walk()
    for node in nodes:
        walk.outside |= walk.visit(node)
    return Facts(**{f.name: _frozen(getattr(walk, f.name)) for f in fields(Facts)})


def _frozen(found: Any) -> Any:
    return frozenset(found) if isinstance(found, set) else found


@dataclass(slots=True)
class _Walk:
    """One pass over a tree. `visit` gives the outside sources of the node's value."""

    names: set[str] = field(default_factory=set)
    params: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)
    whole: bool = False
    matrix: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    asks: bool = False
    outside: Sources = frozenset()
    local: dict[str, Sources] = field(default_factory=dict)

    def visit(self, node: Any, *, may_lack: bool = False) -> Sources:
        name = type(node).__name__
        if name in {"Getattr", "Getitem"}:
            return self.member(node, may_lack)
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, node)
        if name not in _PLAIN:
            raise TemplateError(
                f"'{_KEYWORDS.get(name, name.lower())}' is not part of the template language here",
                "there are expressions, if, for and set",
            )
        sources = self.every(node.iter_child_nodes())
        return frozenset() if name in _CLEAN else sources

    def every(self, nodes: Iterable[Any]) -> Sources:
        return frozenset().union(*[self.visit(each) for each in nodes])

    def name(self, node: Any) -> Sources:
        if node.name in self.local:
            return self.local[node.name]
        if node.name in FUNCTIONS:
            raise TemplateError(f"{node.name} is a function", f"write {node.name}()")
        if node.name == "jobs":
            raise TemplateError(
                "jobs is read without a job id that is written out", "write jobs['ID'], with the id as text"
            )
        self.names.add(node.name)
        self.whole |= node.name == "params"
        return frozenset({node.name}) if node.name in {"params", "item", "git"} else frozenset()

    def member(self, node: Any, may_lack: bool) -> Sources:
        """`a.b`, `a['b']`, `a[b]`."""
        owner, wanted = node.node, key(node)
        if (job := job_id(owner)) is not None:
            return self.job(job, node, wanted)
        if (job := job_id(node)) is not None:
            raise TemplateError(f"jobs['{job[:60]}'] is a job", f"say what of it: {', '.join(JOB_FIELDS)}")
        root = owner.name if type(owner).__name__ == "Name" and owner.name not in self.local else ""
        if wanted is not None and root in {"params", "matrix", "git"}:
            return self.root_key(root, wanted, may_lack)
        if wanted is None:
            self.visit(node.arg)  # which item is chosen is no part of the item's text
        sources = self.visit(owner)
        return frozenset({path(node)}) if wanted is not None and sources == {path(owner)} else sources

    def root_key(self, root: str, wanted: str, may_lack: bool) -> Sources:
        self.names.add(root)
        if root == "params":
            (self.optional if may_lack else self.params).add(wanted)
            return frozenset({f"params.{wanted}"})
        if root == "matrix":
            if not may_lack:
                self.matrix.add(wanted)
            return frozenset()
        return frozenset({f"git.{wanted}"}) if wanted in _OUTSIDE_GIT else frozenset()

    def job(self, job: str, node: Any, wanted: str | None) -> Sources:
        if wanted not in JOB_FIELDS:
            close = nearest(wanted or "", JOB_FIELDS)
            hint = f"did you mean {close}?" if close else f"it has {', '.join(JOB_FIELDS)}"
            raise TemplateError(f"a job has no '{(wanted or '?')[:60]}'", hint)
        self.names.add("jobs")
        self.jobs.add(job)
        self.asks |= wanted != "outputs"
        return frozenset({path(node)}) if wanted == "outputs" else frozenset()

    def subtraction(self, node: Any) -> Sources:
        left, parts = node, []
        while type(left).__name__ == "Sub":
            parts.append(_first_word(left.right))
            left = left.left
        if (job := job_id(left)) is not None:
            meant = "-".join([job, *reversed(parts)])[:60]
            raise TemplateError(
                f"jobs.{meant} is read as a subtraction, because of its hyphen", f"write jobs['{meant}']"
            )
        self.every(node.iter_child_nodes())
        return frozenset()

    def call(self, node: Any) -> Sources:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise TemplateError("* and ** are not part of the template language here")
        given = self.every([*node.args, *(each.value for each in node.kwargs)])
        if type(node.node).__name__ == "Name":
            self.function(node.node.name)
            return frozenset()
        method = getattr(node.node, "attr", None)
        if method not in METHODS:
            raise TemplateError(
                f"{str(method)[:60]}() cannot be called" if method else "this cannot be called",
                "use a filter: value | items, value | length, …",
            )
        owner = self.visit(node.node.node)
        return frozenset() if method in _CLEAN_METHODS else owner | given

    def function(self, name: str) -> None:
        if name not in FUNCTIONS or name in self.local:
            close = nearest(name, FUNCTIONS)
            hint = f"did you mean {close}()?" if close else f"there are {', '.join(sorted(FUNCTIONS))}"
            raise TemplateError(f"there is no function '{name[:60]}'", hint)
        self.functions.add(name)
        self.asks |= name in STATUS_FUNCTIONS

    def filter(self, node: Any) -> Sources:
        _known("filter", node, filters.names())
        source = self.visit(node.node, may_lack=node.name in {"default", "d"})
        sources = source | self.every([*node.args, *(each.value for each in node.kwargs)])
        quotes = node.name == "map" and node.args and getattr(node.args[0], "value", None) == "q"
        return frozenset() if node.name in _CLEAN_FILTERS or quotes else sources

    def test(self, node: Any) -> Sources:
        _known("test", node, checks.names())
        self.visit(node.node, may_lack=node.name in {"defined", "undefined"})
        self.every([*node.args, *(each.value for each in node.kwargs)])
        return frozenset()

    def choice(self, node: Any) -> Sources:
        self.visit(node.test)
        return self.every([node.expr1] if node.expr2 is None else [node.expr1, node.expr2])

    def output(self, node: Any) -> Sources:
        return self.every(node.nodes)

    def branches(self, node: Any) -> Sources:
        self.visit(node.test)
        return self.every([*node.body, *node.elif_, *node.else_])

    def loop(self, node: Any) -> Sources:
        if node.recursive:
            raise TemplateError("a recursive loop is not part of the template language here")
        sources, outer = self.visit(node.iter), self.local
        self.local = {**outer, **dict.fromkeys(_targets(node.target), sources), "loop": frozenset()}
        made = self.every([*([] if node.test is None else [node.test]), *node.body])
        self.local = outer
        return made | self.every(node.else_)

    def assignment(self, node: Any) -> Sources:
        sources = self.visit(node.node)
        self.local = {**self.local, **dict.fromkeys(_targets(node.target), sources)}
        return frozenset()


def _targets(target: Any) -> list[str]:
    kind = type(target).__name__
    if kind == "Name":
        if target.name in RESERVED | FUNCTIONS:
            raise TemplateError(f"'{target.name}' has a meaning of its own and cannot be set")
        return [str(target.name)]
    if kind != "Tuple":
        raise TemplateError("only plain names can be set")
    return [name for each in target.items for name in _targets(each)]


def _known(what: str, node: Any, known: Iterable[str]) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise TemplateError("* and ** are not part of the template language here")
    if node.name not in known:
        close = nearest(node.name, known)
        raise TemplateError(
            f"there is no {what} '{node.name[:60]}'",
            f"did you mean {close}?" if close else f"there are: {', '.join(sorted(known))}",
        )


def _first_word(node: Any) -> str:
    while hasattr(node, "node"):
        node = node.node
    return str(getattr(node, "name", getattr(node, "value", "")))[:60]


_ARITHMETIC = frozenset({"Add", "Mul", "Div", "FloorDiv", "Mod", "Pow", "Neg", "Pos"})
_STRUCTURE = frozenset({"Const", "TemplateData", "List", "Tuple", "Dict", "Pair", "Slice", "Concat"})
_LOGIC = frozenset({"And", "Or", "Not", "Compare", "Operand"})
_PLAIN = _ARITHMETIC | _STRUCTURE | _LOGIC
_CLEAN = frozenset({"Not", "Compare", "Div", "FloorDiv", "Mod", "Pow", "Neg", "Pos"})

_SPECIAL: dict[str, Callable[[_Walk, Any], Sources]] = {
    "Name": _Walk.name,
    "Sub": _Walk.subtraction,
    "Call": _Walk.call,
    "Filter": _Walk.filter,
    "Test": _Walk.test,
    "CondExpr": _Walk.choice,
    "Output": _Walk.output,
    "If": _Walk.branches,
    "For": _Walk.loop,
    "Assign": _Walk.assignment,
}
