"""libyaml's errors in words that say what to do."""

from __future__ import annotations

from typing import Any

from runner.document.limits import Flaw
from runner.document.text import control_character

_COLON = "quote a value that contains `: `, or check the line above for a missing colon"
_INDENT = "compare the indentation with the lines above"
_SENTENCES = {
    "mapping values are not allowed": ("a `:` is not expected here", _COLON),
    "could not find expected ':'": ("a `:` is missing after the key", "write `key: value`"),
    "did not find expected key": ("this line does not fit into the mapping above", _INDENT),
    "did not find expected <block end>": ("this line does not fit in here", _INDENT),
    "did not find expected '-' indicator": ("this line does not fit into the list above", _INDENT),
    "did not find expected ',' or ']'": ("a list in [brackets] is not closed", "add a `,` or a `]`"),
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
    for start, sentence in _SENTENCES.items():
        if start in str(error.problem):
            return Flaw("yaml-syntax", *sentence, *_opening(error, place))
    return Flaw("yaml-syntax", f"this is not YAML: {error.problem}", "", *place)


def _opening(error: Any, place: tuple[int, int]) -> tuple[int, int]:
    """For something without an end, its beginning says more than the end of the file."""
    context = getattr(error, "context_mark", None)
    endless = ("end of stream", "',' or", "document indicator")
    if context is not None and any(word in str(error.problem) for word in endless):
        return context.line + 1, context.column + 1
    return place
