"""JSON text → values, at the speed of the C parser, but as strict as the YAML side.

The parser's hooks notice what is wrong and say no more; a walk over the tokens then finds where.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from runner.document import positions
from runner.document.limits import MAX_DEPTH, MAX_FLAWS, MAX_VALUES, Flaw, Refused, too_deep, too_many
from runner.document.positions import Mark
from runner.document.scalars import BadScalarError, bounded, finite
from runner.document.text import position

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]|[^\s{}\[\],:"]++')
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u]")
_LONE = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_FRACTION = frozenset(".eE")
_KINDS = {"{": positions.MAP, "[": positions.LIST, "}": positions.END, "]": positions.END}


class NotJsonError(Exception):
    """The text is not JSON: libraries' words in `error`, for a `.json` file `refused()` has ours."""

    def __init__(self, error: json.JSONDecodeError) -> None:
        super().__init__(str(error))
        self.error = error

    def refused(self) -> Refused:
        text, at = self.error.doc, self.error.pos
        message, hint = _explain(self.error.msg, text, at)
        return Refused(Flaw("json-syntax", message, hint, *position(text[:at])))


def build(content: str) -> tuple[Any, list[Flaw]]:
    """The value, or flaws. Raises NotJsonError, or Refused where the file costs too much."""
    if content.count(",") + content.count("{") + content.count("[") > MAX_VALUES:
        _count(content)
    try:
        tree = _decode(content)
    except json.JSONDecodeError as error:
        raise NotJsonError(error) from None
    except RecursionError:
        raise _deep(content) from None
    except BadScalarError:
        return None, _flaws(content)
    if _depth(tree) > MAX_DEPTH:
        raise _deep(content)
    if "\\u" in content and _LONE.search(_PAIR.sub("..", content)):
        return None, _flaws(content)
    return tree, []


def marks(content: str) -> Iterator[Mark]:
    """The same document as a stream of places."""
    line, start = 1, 0
    for match in _TOKEN.finditer(content):
        at = match.start()
        breaks = content.count("\n", start, at)
        if breaks:
            line += breaks
            start = content.rfind("\n", start, at) + 1
        token = match[0]
        yield Mark(_KINDS.get(token, positions.SCALAR), _text(token), line, at - start + 1)


def _text(token: str) -> str:
    if token[0] != '"':
        return token
    return json.loads(token) if "\\" in token else token[1:-1]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadScalarError("duplicate-key", "")
    return made


def _number(text: str) -> int | float:
    """The value of a number, or BadScalarError where it cannot be held."""
    if not _FRACTION.isdisjoint(text):
        return finite(text)
    if len(text) > 20:
        raise BadScalarError("number", f"an integer of {len(text)} digits is too large")
    return bounded(int(text))


def _constant(name: str) -> Any:
    raise BadScalarError("number", f"{name} is not a number that a queue can use")


_decode = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_number, parse_float=_number, parse_constant=_constant
).decode


def _depth(tree: Any) -> int:
    """How deep collections are nested, level by level; stops just beyond MAX_DEPTH."""
    depth, level = 0, [tree]
    while level and depth <= MAX_DEPTH:
        inner = [v for v in level if v.__class__ is dict or v.__class__ is list]
        depth += bool(inner)
        level = [v for c in inner for v in (c.values() if c.__class__ is dict else c)]
    return depth


def _deep(content: str) -> Refused:
    depth = 0
    for mark in marks(content):
        depth += {positions.MAP: 1, positions.LIST: 1, positions.END: -1}.get(mark.kind, 0)
        if depth > MAX_DEPTH:
            return too_deep(mark.line, mark.column)
    return too_deep(0, 0)


def _count(content: str) -> None:
    """Raise Refused at the first value beyond the limit: commas inside of strings do not count."""
    for number, match in enumerate(_TOKEN.finditer(content)):
        if number > 2 * MAX_VALUES:  # closing brackets are tokens too
            raise too_many(*position(content[: match.start()]))


def _flaws(content: str) -> list[Flaw]:
    found = list(positions.duplicates(marks(content)))
    for match in _TOKEN.finditer(content):
        flaw = _flaw(match[0])
        if flaw is not None:
            found.append(Flaw(*flaw, *position(content[: match.start()])))
        if len(found) >= MAX_FLAWS:
            break
    return sorted(found, key=lambda flaw: (flaw.line, flaw.column))


def _flaw(token: str) -> tuple[str, str, str] | None:
    """Rule, message and hint for one token that is not allowed."""
    if token[0] == '"':
        if "\\u" in token and _LONE.search(_PAIR.sub("..", token)):
            return "encoding", "the text holds a NUL or half of a surrogate pair", "delete the escape"
        return None
    try:
        if token[0] in "NI" or token.startswith("-I"):
            _constant(token)
        elif token[0] in "-0123456789":
            _number(token)
    except BadScalarError as error:
        return error.rule, str(error), "quote it if it is meant as text"
    return None


def _explain(message: str, text: str, at: int) -> tuple[str, str]:
    before = text[:at].rstrip()[-1:]
    if before == "," and text[at : at + 1] in ("}", "]"):
        return "a comma stands before the closing bracket", "JSON allows none there: delete it"
    if "trailing comma" in message:
        return "a comma stands before the closing bracket", "JSON allows none there: delete it"
    if not text.strip():
        return "the file is empty", "a queue needs `jobs` with at least one job"
    if text[at : at + 1] in ("#", "/"):
        return "JSON has no comments", "delete it, or call the file .yaml"
    sentences = {
        "Expecting property name": ("a key in double quotes is expected here", ""),
        "Expecting ',' delimiter": ("a comma or a closing bracket is expected here", ""),
        "Expecting ':' delimiter": ("a colon is expected here", ""),
        "Expecting value": ("a value is expected here", "text needs double quotes"),
        "Extra data": ("there is more text after the end of the value", "a file holds one queue"),
        "Unterminated string": ("the string that starts here has no end", 'add a `"`'),
        "Invalid control character": ("a string goes over the end of its line", "write \\n for a line break"),
        "Invalid \\": ("the backslash starts no known escape", "write \\\\ for a backslash"),
    }
    for start, sentence in sentences.items():
        if message.startswith(start):
            return sentence[0], sentence[1] or _STRICT
    return f"this is not JSON: {message}", _STRICT


_STRICT = "a .json file must be strict JSON; a .yaml file need not"
