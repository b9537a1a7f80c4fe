"""Our evaluation of Jinja's trees against Jinja's own: the same values, and errors in the same places.

Where the two are meant to differ, the reference is told so: keys only, booleans as `true`, plain JSON.
"""

from __future__ import annotations

import json
import shlex
import warnings
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.templating import quick, syntax
from runner.templating.budget import Budget
from runner.templating.evaluate import Scope, range_of
from runner.templating.statements import fill
from runner.templating.values import TemplateError, UndefinedError, text

NAMES: dict[str, Any] = {
    "params": {
        "name": "Ada L",
        "n": 3,
        "rate": 0.5,
        "on": True,
        "off": False,
        "list": ["b", "A", "c d"],
        "numbers": [3, 1, 2, 1],
        "rows": [{"id": 2, "tag": "x"}, {"id": 1, "tag": "Y"}],
        "empty": [],
        "items": "a key, not a method",
    },
    "git": {"sha": "abc123", "branch": "feature/x", "pr": "7", "actor": "ada"},
    "now": "2026-01-02T03:04:05Z",
}


class Reference(ImmutableSandboxedEnvironment):
    """Jinja with our delimiters, reading keys only."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, jinja2.Undefined):
            str(obj)  # raises: it is strict
        if isinstance(obj, jinja2.runtime.LoopContext):
            return super().getattr(obj, attribute)
        if isinstance(obj, str) and attribute in {"upper", "startswith", "split"}:
            return getattr(obj, attribute)
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)


def reference() -> Reference:
    # not optimized: folding constants makes errors of branches that are never taken
    made = Reference(
        **syntax.DELIMITERS,
        **syntax.OPTIONS,
        undefined=jinja2.StrictUndefined,
        finalize=text_of,
        optimized=False,
    )
    made.globals = {"range": lambda *bounds: list(range(*bounds))}
    made.filters |= {
        "q": quoted,
        "string": text_of,
        "tojson": lambda v: json.dumps(plain(v), ensure_ascii=False),
        "join": lambda v, d="", attribute=None: d.join(
            text_of(each if attribute is None else each[attribute]) for each in v
        ),
        "list": list,
        "replace": lambda v, old, new, count=-1: text_of(v).replace(text_of(old), text_of(new), count),
        "trim": lambda v, chars=None: text_of(v).strip(chars),
    }
    return made


def quoted(value: Any) -> str:
    if isinstance(value, dict) or value is None:
        raise TypeError
    return " ".join(map(quoted, value)) if isinstance(value, list) else shlex.quote(text_of(value))


def plain(value: Any) -> Any:
    """Generators, ranges and tuples as the lists that they stand for."""
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises if it is strict; an `if` without `else` gives one that is not
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, str | int | float) or value is None:
        return value
    return [plain(each) for each in value]


def text_of(value: Any) -> str:
    return text(plain(value))


REFERENCE = reference()
ERROR = "an error"


FAILURES = (
    *(jinja2.TemplateError, TemplateError),
    *(TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
)


def by_jinja(source: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # Python's, of the code that Jinja makes of `(1)[1:]`
        try:
            template = syntax.parse(source)
            if template.whole:
                inner = template.parts[0].text.strip("-+ \n")
                return plain(REFERENCE.compile_expression(inner, undefined_to_none=False)(**NAMES))
            return REFERENCE.from_string(source).render(**NAMES)
        except FAILURES:
            return ERROR


def evaluated(source: str) -> Any:
    return fill(syntax.parse(source), Scope(names=NAMES, budget=Budget(), functions={"range": range_of}))


def by_us(source: str) -> Any:
    try:
        return evaluated(source)
    except TemplateError:
        return ERROR


SAME = (
    (Path(__file__).parents[1] / "examples/templates/same-as-jinja.txt")
    .read_text()
    .removesuffix("\n")
    .split("\n====\n")
)
"""Templates that mean here what they mean in Jinja, errors included."""


@pytest.mark.parametrize("source", SAME)
def test_a_template_gives_what_jinja_gives(source: str) -> None:
    ours = by_us(source)
    assert (ours, type(ours)) == (by_jinja(source), type(by_jinja(source)))


def test_the_corpus_holds_values_and_errors() -> None:
    errors = [source for source in SAME if by_us(source) == ERROR]
    assert 20 < len(errors) < len(SAME) / 2


# fmt: off
LEAVES = st.sampled_from([
    "params.name", "params.n", "params.rate", "params.on", "params.list", "params.numbers", "params.rows",
    "params.empty", "params.nothing", "git.branch", "1", "0", "2.5", "'a'", "'A b'", "true", "none",
    "[1, 'a']",     "{'a': 1}", "range(3)", "nothing",
])
BINARY = st.sampled_from(["+", "-", "*", "/", "//", "==", "!=", "<", ">=", "and", "or", "in"])
FILTERS = st.sampled_from([
    "q", "length", "first", "last", "sort", "unique | list", "int", "float", "default('d')",
    "default('d', true)", "join('-')", "min", "max", "sum", "abs", "round", "list", "tojson", "trim",
    "replace('a', 'bb')",
])
CHECKS = st.sampled_from(["defined", "none", "string", "number", "mapping", "odd", "in [1]", "gt 1"])
# fmt: on


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, BINARY, inner),
        st.builds("({} | {})".format, inner, FILTERS),
        st.builds("({} is {})".format, inner, CHECKS),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({})[{}]".format, inner, st.sampled_from(["0", "-1", "1:", "'a'"])),
        st.builds("({}).{}".format, inner, st.sampled_from(["a", "id", "items"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("(not {})".format, inner),
    )


EXPRESSIONS = st.recursive(LEAVES, combined, max_leaves=6)


@given(expression=EXPRESSIONS)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_any_expression_gives_what_jinja_gives(expression: str) -> None:
    source = "${{ " + expression + " }}"
    try:
        ours = evaluated(source)
    except UndefinedError:
        return  # an error wherever it is used: Jinja lets it be `none`, or in a list
    except TemplateError:
        ours = ERROR
    assert ours == by_jinja(source)


# fmt: off
PIECES = st.sampled_from([
    "${{", "}}", "${%", "%}", "${{#", "#}}", "-", "+", " ", "\n", "'", '"', "{", "}", "$", "1", "params.n",
    "|q", "x", "if true", "endif", "raw", "endraw", "for x in [1,2]", "endfor", "a", "#", "%", "(", ")", "[",
    "]", "\\",
])
# fmt: on


@given(source=st.lists(PIECES, max_size=12).map("".join).filter(lambda found: "$${" not in found))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_any_text_gives_what_jinja_gives(source: str) -> None:
    assert by_us(source) == by_jinja(source)


PLAIN_PARTS = st.tuples(
    st.sampled_from(["params", "git", "jobs", "matrix", "item"]),
    st.lists(
        st.sampled_from([".a", ".outputs", "['b-c']", "['']", "['x y']", ".if", "._x9"]),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from([" | q", "|upper", " |\n int"]), max_size=3),
    st.sampled_from(["", " == 'a'", "!='x y'", "== ''"]),
    st.sampled_from(["", " ", "\n"]),
)


@given(parts=PLAIN_PARTS)
@settings(max_examples=300, deadline=None)
def test_a_plain_expression_has_the_tree_that_jinja_gives(
    parts: tuple[str, list[str], list[str], str, str],
) -> None:
    root, steps, filters, comparison, space = parts
    source = space + root + "".join(steps) + "".join(filters) + comparison + space
    ours = quick.parse(source)
    assert ours is not None
    assert shape(ours) == shape(REFERENCE.parse("${{ " + source + " }}").body[0].nodes[0])


@pytest.mark.parametrize(
    "source",
    ["a.b", "params", "params.1", "params.a()", "params['a\\'b']", "params.a | q(1)", "not params.a", "1"],
)
def test_what_is_not_plain_is_left_to_jinja(source: str) -> None:
    assert quick.parse(source) is None


def shape(node: Any) -> Any:
    """A tree as nested tuples, whoever made it."""
    if isinstance(node, list | tuple):
        return tuple(shape(each) for each in node)
    names = {"Name": ("name",), "Getattr": ("node", "attr"), "Getitem": ("node", "arg"), "Const": ("value",)}
    names |= {"Filter": ("node", "name", "args", "kwargs", "dyn_args", "dyn_kwargs")}
    names |= {"Compare": ("expr", "ops"), "Operand": ("op", "expr")}
    kind = type(node).__name__
    return (kind, *(shape(getattr(node, name)) for name in names[kind])) if kind in names else node
