"""Plain YAML scalars → values, as YAML 1.2's core schema has it.

`on`, `yes`, `no`, dates and `0b1` are strings; `010` is ten.
"""

from __future__ import annotations

import math
import re
from typing import Any

from runner.document.limits import LARGEST_INTEGER

STARTERS = frozenset([*"-+.0123456789~nNtTfF", ""])
"""First characters of plain scalars that may be something else than a string."""

_CONSTANTS: dict[str, Any] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_CONSTANTS |= dict.fromkeys(("true", "True", "TRUE"), True)
_CONSTANTS |= dict.fromkeys(("false", "False", "FALSE"), False)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 20
_CORE = "tag:yaml.org,2002:"
_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


class BadScalarError(ValueError):
    """`rule` names what is wrong, the text says it in a sentence."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def resolve(text: str) -> Any:
    """The value of a plain scalar. Raises BadScalarError for numbers that cannot be held exactly enough."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _MOST_DIGITS and _INTEGER.fullmatch(text):
        raise BadScalarError("number", f"an integer of {len(text)} digits is too large")
    if _INTEGER.fullmatch(text):
        return bounded(int(text))
    if _PREFIXED.fullmatch(text):
        return bounded(int(text[:_MOST_DIGITS], 0))
    if _FLOAT.fullmatch(text):
        return finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise BadScalarError("number", f"{text} is not a number that a queue can use")
    return text


def bounded(number: int) -> int:
    if abs(number) > LARGEST_INTEGER:
        raise BadScalarError("number", "the integer is too large (64 bits are the most)")
    return number


def finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadScalarError("number", "the number is too large")
    return number


def tagged(text: str, tag: str) -> Any:
    """The value of a scalar with a tag. Only the core schema's tags are known."""
    if tag in ("!", _CORE + "str"):
        return text
    kinds = _KINDS.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
    if kinds is None:
        raise BadScalarError("tag", f"the tag {show_tag(tag)} is not known")
    value = resolve(text)
    if type(value) not in kinds:
        raise BadScalarError("tag", f"the value is not what its tag {show_tag(tag)} says")
    return value


def collection_tag(tag: str, kind: str) -> None:
    """Raises BadScalarError unless `tag` is the core schema's own for `kind` (`map` or `seq`)."""
    if tag not in ("!", _CORE + kind):
        raise BadScalarError("tag", f"the tag {show_tag(tag)} is not known")


def show_tag(tag: str) -> str:
    short = tag.replace(_CORE, "!!", 1) if tag.startswith(_CORE) else tag
    return short if len(short) <= 60 else short[:59] + "…"
