"""YAML text → values, in one pass over libyaml's events, without recursion and without a node tree.

Everything that could explode is counted here, on the stream: nesting, values, and what each alias
and merge key stands for, so that later stages may walk the tree as if it had no shared parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from runner.document import complaints, positions
from runner.document.limits import MAX_DEPTH, MAX_FLAWS, MAX_VALUES, Flaw, Refused, too_deep, too_many
from runner.document.positions import Mark
from runner.document.scalars import STARTERS, BadScalarError, collection_tag, resolve, tagged
from runner.problems import shorten

_MERGE: Any = object()
"""Stands in a mapping under construction for the key `<<`; the values are kept beside."""


def build(content: str) -> tuple[Any, list[Flaw]]:
    """The document's value, and the flaws that let reading go on. Raises Refused for the others."""
    # Imported here: it costs 20 ms, and JSON files never need it.
    from _ruamel_yaml import CParser, YAMLError  # type: ignore[import-not-found]  # noqa: PLC0415

    builder = _Builder()
    try:
        builder.read(CParser(content))
    except YAMLError as error:
        raise Refused(complaints.explain(error, content)) from None
    except _EnoughError:
        return None, builder.flaws
    if builder.has_duplicates:
        builder.flaws.extend(positions.duplicates(marks(content)))
    return builder.result(), sorted(builder.flaws, key=lambda flaw: (flaw.line, flaw.column))


def marks(content: str) -> Iterator[Mark]:
    """The same document as a stream of places. Ends early where the text is not YAML."""
    import _ruamel_yaml as y  # noqa: PLC0415  as above

    kinds = {
        y.MappingStartEvent: positions.MAP,
        y.SequenceStartEvent: positions.LIST,
        y.MappingEndEvent: positions.END,
        y.SequenceEndEvent: positions.END,
        y.AliasEvent: positions.OPAQUE,
        y.ScalarEvent: positions.SCALAR,
    }
    parser = y.CParser(content)
    for event in islice(iter(parser.get_event, None), MAX_VALUES):
        kind = kinds.get(event.__class__)
        if kind is not None:
            mark, is_scalar = event.start_mark, kind == positions.SCALAR
            last = event.end_mark.line + 1 if is_scalar else 0
            yield Mark(kind, event.value if is_scalar else "", mark.line + 1, mark.column + 1, last)
        elif event.__class__ is y.DocumentEndEvent:
            return


class _EnoughError(Exception):
    """So many flaws were found that reading on has no use."""


class _Open:
    """A collection that is being read. `key` waits for its value."""

    __slots__ = ("anchor", "is_list", "key", "merges", "value")

    def __init__(self, value: Any, is_list: bool, anchor: str | None) -> None:
        self.value = value
        self.is_list = is_list
        self.anchor = anchor
        self.key: Any = None
        self.merges: list[dict[str, Any]] | None = None


class _Builder:
    """Reads events into values. One instance a document."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.has_duplicates = False
        self._roots: list[Any] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._open_anchors: list[str] = []
        self._weights: dict[int, int] = {}
        self._weighed: list[Any] = []  # keeps what `_weights` knows by id alive
        self._spare = MAX_VALUES

    def result(self) -> Any:
        if not self._roots:
            hint = "a queue needs `jobs:` with at least one job"
            raise Refused(Flaw("empty", "the file is empty", hint))
        return self._roots[0]

    def read(self, parser: Any) -> None:  # noqa: C901, PLR0912  one loop for speed: every event of a file passes here
        import _ruamel_yaml as y  # noqa: PLC0415  as above

        scalar, alias, map_start, map_end = (
            y.ScalarEvent,
            y.AliasEvent,
            y.MappingStartEvent,
            y.MappingEndEvent,
        )
        seq_start, seq_end = y.SequenceStartEvent, y.SequenceEndEvent
        here = _Open(self._roots, True, None)
        for event in islice(iter(parser.get_event, None), MAX_VALUES):
            kind = event.__class__
            if kind is scalar:
                value = event.value
                if event.tag is not None:
                    value = self._scalar(event, tagged, value, event.tag)
                elif event.implicit[0] and value[:1] in STARTERS:
                    value = self._scalar(event, resolve, value)
                elif event.style == '"' and "\0" in value:
                    self._complain(event, "encoding", "the text holds a NUL", "delete the escape")
                if event.anchor is not None:
                    self._remember(event.anchor, value)
            elif kind is map_start or kind is seq_start:
                self._stack.append(here)
                here = self._begin(event, kind is seq_start)
                continue
            elif kind is map_end or kind is seq_end:
                value = self._end(here)
                here = self._stack.pop()
            elif kind is alias:
                value = self._alias(event)
            elif kind is y.StreamEndEvent:
                return
            else:
                self._boundary(event, kind is y.DocumentStartEvent)
                continue
            if here.is_list:
                here.value.append(value)
            elif here.key is None:
                here.key = self._key(event, here, value)
            elif here.key is _MERGE:
                self._merge(event, here, value)
                here.key = None
            else:
                here.value[here.key] = value
                here.key = None
        raise too_many(event.start_mark.line + 1, event.start_mark.column + 1)

    def _begin(self, event: Any, is_list: bool) -> _Open:
        if len(self._stack) > MAX_DEPTH:
            raise too_deep(event.start_mark.line + 1, event.start_mark.column + 1)
        if event.tag is not None:
            self._scalar(event, collection_tag, event.tag, "seq" if is_list else "map")
        if event.anchor is not None:
            self._open_anchors.append(event.anchor)
        return _Open([] if is_list else {}, is_list, event.anchor)

    def _end(self, done: _Open) -> Any:
        value = done.value
        if done.merges is not None:  # the mapping's own keys win, then the first mapping that was merged
            own = dict(value)
            value.clear()
            for merged in reversed(done.merges):
                value.update(merged)
            value.update(own)
        if done.anchor is not None:
            self._open_anchors.remove(done.anchor)
            self._remember(done.anchor, value)
        return value

    def _remember(self, anchor: str, value: Any) -> None:
        self._anchors[anchor] = value
        self._weighed.append(value)
        self._weights[id(value)] = weigh(value, self._weights)

    def _alias(self, event: Any) -> Any:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        name = event.anchor
        if name in self._open_anchors:
            message = f"*{shorten(name)} stands inside of what it means"
            raise Refused(Flaw("alias", message, "write the value out", line, column))
        if name not in self._anchors:
            message = f"*{shorten(name)} is used, and nothing before it is marked &{shorten(name)}"
            raise Refused(Flaw("alias", message, "quote the value if the * is meant", line, column))
        value = self._anchors[name]
        self._spare -= self._weights[id(value)]
        if self._spare < 0:
            raise too_many(line, column, " once its aliases are written out")
        return value

    def _key(self, event: Any, here: _Open, value: Any) -> Any:
        if value.__class__ is not str:
            self._complain(event, "key-type", *_not_a_key(value))
            return f"\0{len(self.flaws)}"
        if value == "<<" and getattr(event, "style", None) == "" and event.tag is None:
            if here.merges is not None:
                self._complain(event, "duplicate-key", "`<<` stands twice in one mapping", _MERGE_BOTH)
            return _MERGE
        if value in here.value:
            self.has_duplicates = True
        return value

    def _merge(self, event: Any, here: _Open, value: Any) -> None:
        found = value if value.__class__ is list else [value]
        if all(item.__class__ is dict for item in found):
            here.merges = (here.merges or []) + found
            return
        hint = "write `<<: *name`, where &name marks a mapping"
        self._complain(event, "merge", "`<<` takes a mapping, or a list of mappings", hint)

    def _boundary(self, event: Any, starts: bool) -> None:
        if starts and self._roots:
            place = event.start_mark.line + 1, event.start_mark.column + 1
            message = "a second document starts here, and a file holds one queue"
            raise Refused(Flaw("documents", message, "put it into a file of its own", *place))

    def _scalar(self, event: Any, function: Any, text: str, *more: str) -> Any:
        try:
            return function(text, *more)
        except BadScalarError as error:
            hint = "quote it if it is meant as text" if error.rule == "number" else "leave the tag out"
            self._complain(event, error.rule, str(error), hint)
            return text

    def _complain(self, event: Any, rule: str, message: str, hint: str) -> None:
        mark = event.start_mark
        self.flaws.append(Flaw(rule, message, hint, mark.line + 1, mark.column + 1))
        if len(self.flaws) >= MAX_FLAWS:
            raise _EnoughError


def weigh(value: Any, known: dict[int, int]) -> int:
    """How many values `value` stands for, long texts counting for more; shared parts as often as used."""
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if item.__class__ is str:
            total += 1 + (len(item) >> 6)
        elif item.__class__ is not dict and item.__class__ is not list:
            total += 1
        elif id(item) in known and item is not value:
            total += known[id(item)]
        else:
            total += 1
            waiting.extend(item.values() if item.__class__ is dict else item)
    return total


def _not_a_key(value: Any) -> tuple[str, str]:
    """Message and hint. `{{ x }}` is a mapping with the key `{x: null}`."""
    inside = list(value) if value.__class__ is dict and [*value.values()] == [None] else []
    if inside:
        return complaints.BRACES, f'write "{complaints.as_expression(inside[0])}", with the quotes'
    return f"a key must be text, not {_kind(value)}", "quote it"


def _kind(value: Any) -> str:
    names = {int: "a number", float: "a number", bool: "true or false", type(None): "null"}
    return names.get(value.__class__, "a list or a mapping")


_MERGE_BOTH = "write `<<: [*one, *other]`"
