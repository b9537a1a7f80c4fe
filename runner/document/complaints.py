"""libyaml's errors in words that say what to do."""

from __future__ import annotations

import re
from typing import Any

from runner.document.limits import Flaw
from runner.document.text import control_character
from runner.problems import shorten

_COLON = "quote a value that contains `: `, or check the line above for a missing colon"
BRACES = "YAML takes these braces for a mapping, not for an expression"
_EXPRESSION = re.compile(r"(?<!\$)\$?\{\{[ ]{0,20}([^{}]{1,200}?)[ ]{0,20}\}\}")
_LONGEST = 2000  # characters of a line that are looked at
_INDENT = "compare the indentation with the lines above"
_SENTENCES = {
    "mapping values are not allowed": ("a `:` is not expected here", _COLON),
    "could not find expected ':'": ("a `:` is missing after the key", "write `key: value`"),
    "did not find expected key": ("this line does not fit into the mapping above", _INDENT),
    "did not find expected <block end>": ("this line does not fit in here", _INDENT),
    "did not find expected '-' indicator": (
        "this line does not fit into the list above",
        "each item of a list begins with `- `, in the same column as the one above",
    ),
    "did not find expected ',' or ']'": ("a list in [brackets] is not closed", "add a `,` or a `]`"),
    "found unexpected ':'": (
        "a `:` is not expected here",
        'inside { } and [ ] quote a value that has a `:`, such as "env:MY_TOKEN"',
    ),
    "did not find expected ',' or '}'": ("a mapping in {braces} is not closed", "add a `,` or a `}`"),
    "did not find expected node content": (
        "a value is expected here",
        "quote text that starts with a bracket",
    ),
    "did not find expected <document start>": ("there is more text after the end of the value", _INDENT),
    "found unexpected end of stream": ("a quoted text has no end", "close the quote"),
    "found unexpected document indicator": ("a quoted text has no end", "close the quote"),
    "block sequence entries are not allowed": (
        "a list cannot start on the line of its key",
        "start a new line",
    ),
    "block mapping": ("a mapping cannot start here", "start a new line"),
    "found unknown escape": ("the backslash starts no known escape", "write \\\\, or use 'single quotes'"),
    "found invalid Unicode": ("the escape is not a character", "write the character itself"),
    "found undefined tag handle": ("the tag is not known", "quote the value if the ! is meant"),
    "did not find expected comment or line break": ("a `|` or `>` ends its line", "put the text below"),
    "found unknown directive": (
        "a line that begins with % is an instruction, and this one is not known",
        "quote it",
    ),
    "found incompatible YAML document": ("the %YAML version is not known", "delete the %YAML line"),
    "found a tab character": ("a tab indents this line", "YAML allows spaces only"),
    "did not find expected alphabetic": (
        "an anchor or alias has no name",
        "quote the value if & or * is meant",
    ),
}
_STARTERS = {
    "\t": ("a tab indents this line", "YAML allows spaces only"),
    "@": ("a value cannot start with @", "quote it"),
    "`": ("a value cannot start with a backtick", "quote it"),
    "%": ("a value cannot start with %", "quote it"),
}


def explain(error: Any, content: str) -> Flaw:
    """The flaw for an error of the parser, at the place it names."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # the reader's own: a character that no YAML file may hold
        flaw = control_character(content)
        return flaw or Flaw("yaml-syntax", "the file is not YAML", "is it a text file?")
    place = mark.line + 1, mark.column + 1
    if str(error.problem).startswith("found character that cannot start"):
        character = content[mark.index : mark.index + 1]
        default = (f"a value cannot start with {character!r}", "quote it")
        return Flaw("yaml-syntax", *_STARTERS.get(character, default), *place)
    special = _unquoted_expression(error, content) or _item_after_field(error, content)
    if special is not None:
        return special
    for start, sentence in _SENTENCES.items():
        if start in str(error.problem):
            return Flaw("yaml-syntax", *sentence, *_opening(error, place))
    return Flaw("yaml-syntax", f"this is not YAML: {error.problem}", "", *place)


def _unquoted_expression(error: Any, content: str) -> Flaw | None:
    """`{{ x }}` without quotes before the place of the error: to YAML its braces are mappings."""
    mark = error.problem_mark
    line = _line(content, mark.index)
    found = _EXPRESSION.search(line)
    if found is None or found.start() > mark.column:
        return None
    if any(line[: found.start()].count(quote) % 2 for quote in "\"'"):
        return None  # it stands inside quotes
    hint = f'put the expression into quotes: "{as_expression(found[1])}"'
    return Flaw("yaml-syntax", BRACES, hint, mark.line + 1, found.start() + 1)


def as_expression(inside: str) -> str:
    return f"${{{{ {shorten(inside, 60)} }}}}"


def _item_after_field(error: Any, content: str) -> Flaw | None:
    mark = error.problem_mark
    is_item = _line(content, mark.index)[mark.column :].startswith("- ")
    if not is_item or "expected key" not in str(error.problem):
        return None
    message = "a list item starts here, and what stands above is no item of a list"
    hint = "begin each item with `- `, all of them in the same column"
    return Flaw("yaml-syntax", message, hint, mark.line + 1, mark.column + 1)


def _line(content: str, index: int) -> str:
    start = content.rfind("\n", 0, index) + 1
    end = content.find("\n", index)
    return content[start : end if end >= 0 else len(content)][:_LONGEST]


def _opening(error: Any, place: tuple[int, int]) -> tuple[int, int]:
    """For something without an end, its beginning says more than the end of the file."""
    context = getattr(error, "context_mark", None)
    endless = ("end of stream", "',' or", "document indicator")
    if context is not None and any(word in str(error.problem) for word in endless):
        return context.line + 1, context.column + 1
    return place
