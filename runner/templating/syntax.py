"""Text → syntax tree: Jinja's lexer and parser with our delimiters, nothing of its evaluation."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.problems import shorten
from runner.templating import quick
from runner.templating.analysis import analyse
from runner.templating.facts import NOTHING, Facts
from runner.templating.scan import LONGEST_TEMPLATE, Block, Code, Literal, Piece, pieces
from runner.templating.values import LimitError, TemplateError

if TYPE_CHECKING:
    from jinja2 import TemplateSyntaxError

DELIMITERS = {
    "variable_start_string": "${{",
    "variable_end_string": "}}",
    "block_start_string": "${%",
    "block_end_string": "%}",
    "comment_start_string": "${{#",
    "comment_end_string": "#}}",
}
OPTIONS = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
"""A line that holds only a block leaves no line behind; everything else stays to the byte."""

_BLOCK = re.compile(r"\$\{(?:%|\{[#+-])")
_CODE = re.compile(r"\$\{\{([^{}]{0,200})\}\}")
_EXPECTED = re.compile(r"expected token 'end of print statement', got (.*)")
_HYPHEN = re.compile(r"\bjobs\.(\w+(?:-\w+)+)")


@dataclass(frozen=True, slots=True)
class Expression:
    """`text` is what stands between the delimiters, `tree` Jinja's tree of it."""

    text: str
    tree: Any
    facts: Facts


@dataclass(frozen=True, slots=True)
class Template:
    """One text of a file. Without blocks it is its `parts`; with blocks, the `body`.

    `whole`: it is exactly one expression, whose value keeps its type.
    """

    parts: tuple[str | Expression, ...]
    body: tuple[Any, ...] | None
    whole: bool
    facts: Facts


def parse(text: str) -> Template:
    """The template of a text. Raises TemplateError where it is not one."""
    found = list(pieces(text))
    if any(isinstance(piece, Block) for piece in found):
        return _with_blocks(text, found)
    parts = _parts(found)
    facts = NOTHING
    for part in parts:
        if isinstance(part, Expression):
            facts = facts | part.facts if facts is not NOTHING else part.facts
    whole = len(parts) == 1 and isinstance(parts[0], Expression)
    return Template(parts, None, whole, facts)


@functools.lru_cache(maxsize=4096)
def expression(text: str) -> Expression:
    """The expression that `text`, without delimiters, is."""
    if (plain := quick.parse(text)) is not None:
        return Expression(text, plain, _analysed([plain]))
    body = _jinja("${{ " + text + " }}")
    outputs = body[0].nodes if len(body) == 1 and type(body[0]).__name__ == "Output" else []
    if len(outputs) != 1 or type(outputs[0]).__name__ == "TemplateData":
        raise TemplateError("this is not one expression")
    return Expression(text, outputs[0], _analysed(outputs))


@functools.cache
def _parser() -> tuple[Callable[[str], Any], type[TemplateSyntaxError]]:
    # loaded here: files without templates, and most commands, need none of it
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    return ImmutableSandboxedEnvironment(**DELIMITERS, **OPTIONS, cache_size=0).parse, TemplateSyntaxError


def is_plain(text: str) -> bool:
    """Whether a text with expressions, or a bare one, is read without Jinja. May say no where it is."""
    if "${" not in text:
        return quick.parse(text) is not None
    codes = _CODE.findall(text)
    return len(codes) == text.count("${{") and not _BLOCK.search(text) and all(map(quick.parse, codes))


def warm() -> None:
    """Load Jinja now, so that processes forked later need not."""
    _parser()


def _parts(found: Iterable[Piece]) -> tuple[str | Expression, ...]:
    parts: list[str | Expression] = []
    trim = False
    for piece in found:
        if isinstance(piece, Code):
            if piece.trims[0] and parts and isinstance(parts[-1], str):
                parts[-1] = parts[-1].rstrip()
            parts.append(_expression_of(piece))
            trim = piece.trims[1]
        elif isinstance(piece, Literal):
            parts.append(piece.text.lstrip() if trim else piece.text)
            trim = False
    return tuple(part for part in parts if part != "")


def _expression_of(piece: Code) -> Expression:
    try:
        return expression(piece.text)
    except TemplateError as error:
        raise error.within(piece.text) from None


def _with_blocks(text: str, found: Iterable[Piece]) -> Template:
    if len(text) > LONGEST_TEMPLATE:
        raise LimitError(f"a template with blocks is longer than {LONGEST_TEMPLATE:,} characters")
    body = _jinja("".join(_for_jinja(piece) for piece in found))
    return Template((), body, False, _analysed(body))


def _for_jinja(piece: Piece) -> str:
    if isinstance(piece, Literal):
        return f"${{{{ '{piece.text}' }}}}" if piece.escaped else piece.text
    return piece.source


def _jinja(source: str) -> tuple[Any, ...]:
    parse_source, syntax_error = _parser()
    try:
        return tuple(parse_source(source).body)
    except syntax_error as error:
        raise _syntax_problem(source, error) from None
    except RecursionError:
        raise LimitError("the expression is nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise LimitError("the expression holds a number that is too large") from None


def _syntax_problem(source: str, error: TemplateSyntaxError) -> TemplateError:
    said = _EXPECTED.sub(r"\1 is not expected here", error.message or "")
    said = said.replace("end of print statement", "}}").replace("end of statement block", "%}")
    where = f" (line {error.lineno} of the value)" if "\n" in source else ""
    hyphen = _HYPHEN.search(source)
    hint = f"write jobs['{shorten(hyphen[1])}']" if hyphen else ""
    return TemplateError(f"the template cannot be read: {shorten(said, 160)}{where}", hint)


def _analysed(nodes: Iterable[Any]) -> Facts:
    try:
        return analyse(nodes)
    except RecursionError:
        raise LimitError("the expression is nested too deeply") from None
