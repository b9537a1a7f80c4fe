"""What an expression can give: JSON values, and the two ways in which it can give nothing.

A value is a string, integer, float, boolean, None, list or string-keyed dict. `Undefined` is what a name
that leads nowhere gives: it may be tested (`is defined`) or replaced (`| default`), never used.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from runner.problems import shorten

json_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_UNENCODABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Undefined:
    """`reason` is a sentence, ready to be shown, that says which name leads nowhere."""

    reason: str
    hint: str = ""


class TemplateError(Exception):
    """A template that cannot be parsed or evaluated. `message` is bounded and never holds a whole value."""

    rule = "template"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.source = ""

    def within(self, source: str) -> TemplateError:
        """Itself, now knowing the text of the expression that it is about."""
        self.source = self.source or source.strip()
        return self

    @property
    def sentence(self) -> str:
        return f"{self.message}, in `{shorten(self.source)}`" if self.source else self.message


class UndefinedError(TemplateError):
    rule = "undefined"


class LimitError(TemplateError):
    """The template is too large, too deep, or makes too much."""

    rule = "template-limit"


def kind(value: object) -> str:
    """What a value is, with its article: for sentences that must not show the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "an integer", float: "a number", list: "a list", dict: "a mapping"}
    return names.get(type(value), "a function" if callable(value) else "something else")


def text(value: Any) -> str:
    """How a value reads inside a string: as YAML and JSON write it, so `true`, not `True`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return json_text(value)
    return str(value)


def unfit(rendered: str) -> str:
    """Why this text cannot be part of a command or a file ("" if it can)."""
    found = _UNENCODABLE.search(rendered)
    if found is None:
        return ""
    name = "a NUL character" if found[0] == "\0" else "half of a surrogate pair"
    return f"the value contains {name}, which no command can take"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, or "" """
    found = difflib.get_close_matches(name[:100], list(known)[:1000], n=1, cutoff=0.6)
    return found[0] if found else ""


def listed(names: Iterable[str], limit: int = 8) -> str:
    """`a, b, c`, cut after `limit` names."""
    every = list(names)
    return ", ".join(every[:limit]) + (f" and {len(every) - limit} more" if len(every) > limit else "")
