"""Text → literal pieces and expressions, with Jinja's rules for where an expression ends.

Looking for `${{ … }}` ourselves gives three things that Jinja's lexer does not: `$${{` as a literal one, the
knowledge that a text is exactly one expression (which keeps its type), and expressions that are parsed once
however many different texts stand around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runner.templating.values import LimitError, TemplateError

LONGEST_EXPRESSION = 10_000
LONGEST_TEMPLATE = 100_000
"""Characters of a template that has blocks; one without blocks may be as long as a file."""
MOST_EXPRESSIONS = 10_000
"""In one value."""

_OPENING = re.compile(r"\$\$\{(?:\{#|\{|%)|\$\{(?:\{#|\{|%)")
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"|['\"]|[(\[{]|-?\}\}|[)\]}]", re.DOTALL)
_RAW = re.compile(r"\$\{%[-+]?\s*raw\s*-?%\}.*?\$\{%[-+]?\s*endraw\s*[-+]?%\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """`escaped`: it was written with the `$` that makes it literal."""

    text: str
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """What stands between `${{` and `}}`. `trims`: whether a `-` eats the white space before, after it."""

    text: str
    source: str
    trims: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class Block:
    """A statement or a comment, delimiters included: the whole text is Jinja's to parse."""

    source: str


Piece = Literal | Code | Block


def has_template(text: str) -> bool:
    """Whether a text has anything to evaluate (or to unescape)."""
    return "${" in text and _OPENING.search(text) is not None


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a text in their order. Raises TemplateError where one does not end."""
    position, count = 0, 0
    while opening := _OPENING.search(text, position):
        if opening.start() > position:
            yield Literal(text[position : opening.start()])
        count += 1
        if count > MOST_EXPRESSIONS:
            raise LimitError(f"the value has more than {MOST_EXPRESSIONS:,} expressions")
        piece, position = _piece(text, opening)
        yield piece
    if position < len(text):
        yield Literal(text[position:])


def _piece(text: str, opening: re.Match[str]) -> tuple[Piece, int]:
    mark, start = opening[0], opening.start()
    if mark.startswith("$$"):
        return Literal(mark[1:], escaped=True), opening.end()
    if mark == "${{":
        return _code(text, start)
    if mark == "${%" and (raw := _RAW.match(text, start)):
        return Block(raw[0]), raw.end()
    closing = "%}" if mark == "${%" else "#}}"
    end = text.find(closing, opening.end()) + len(closing)
    if end < len(closing):
        raise TemplateError(
            f"{mark} is never closed", f"end it with {closing}, or write ${mark} for the characters"
        )
    return Block(text[start:end]), end


def _code(text: str, start: int) -> tuple[Code, int]:
    begin = start + len("${{")
    trims = text.startswith("-", begin)
    begin += trims or text.startswith("+", begin)
    position, depth, last = begin, 0, begin + LONGEST_EXPRESSION
    while token := _TOKEN.search(text, position, last):
        found, position = token[0], token.end()
        if found in {"'", '"'}:
            raise TemplateError("a string in the expression is never closed", f"end it with {found}")
        if found in {"(", "[", "{"}:
            depth += 1
        elif found.endswith("}}") and depth == 0:
            code = text[begin : token.start()]
            return Code(code, text[start:position], (trims, found[0] == "-")), position
        elif found[0] not in "'\"":
            depth = max(0, depth - 1)
            position = token.start() + 1 + (found[0] == "-")  # of two braces only the first is taken
    if len(text) > last:
        raise LimitError(f"${{{{ is not closed within {LONGEST_EXPRESSION:,} characters")
    raise TemplateError("${{ is never closed", "end the expression with }}, or write $${{ for the characters")
