"""What is there and what belongs there → what to do about each file. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.setup import marks
from runner.setup.wanted import Wanted


class Deed(StrEnum):
    WRITE = "write"
    ADD = "add"
    """Lines that are missing; the others stay."""
    UPDATE = "update"
    REPLACE = "replace"
    KEEP = "keep"
    """It is as it should be."""
    YOURS = "yours"
    """Somebody made it their own, as they are meant to."""
    LEAVE = "leave"
    """Somebody changed what is ours, or had it before us."""


WRITING = (Deed.WRITE, Deed.ADD, Deed.UPDATE, Deed.REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`content`: what the file is to have, None where it stays. `difference`: from theirs to ours."""

    path: str
    deed: Deed
    content: bytes | None = None
    difference: str = ""
    note: str = ""


def step(there: bytes | None, file: Wanted, *, force: bool) -> Step:
    """`force` takes what somebody changed for ours again, but never settings and queues: those are theirs."""
    if there is None:
        return Step(path=file.path, deed=Deed.WRITE, content=file.text.encode())
    text = there.decode("utf-8", "replace")
    if marks.unix(text) == file.text:
        return Step(path=file.path, deed=Deed.KEEP)
    content = _like(text, file.text)
    mark = marks.read(text)
    if mark is not None and mark.untouched:
        return Step(path=file.path, deed=Deed.UPDATE, content=content, note=mark.version)
    if file.yours:
        return Step(path=file.path, deed=Deed.YOURS)
    difference = "".join(_difference(text, file))
    if force:
        return Step(path=file.path, deed=Deed.REPLACE, content=content, difference=difference)
    return Step(path=file.path, deed=Deed.LEAVE, difference=difference)


def _like(there: str, text: str) -> bytes:
    """`text` with the line ends that the file has."""
    turned = there.count("\r\n") and there.count("\r\n") == there.count("\n")
    return (text.replace("\n", "\r\n") if turned else text).encode()


def _difference(there: str, file: Wanted) -> Iterator[str]:
    """Without the marks, which differ whenever anything does."""
    theirs, ours = (_without_mark(text) for text in (there, file.text))
    lines = difflib.unified_diff(theirs, ours, f"{file.path} (yours)", f"{file.path} (runner's)", n=2)
    yield from (line if line.endswith("\n") else f"{line}\n" for line in lines)


def _without_mark(text: str) -> list[str]:
    lines = marks.unix(text).splitlines(keepends=True)
    return lines[1:] if marks.read(text) is not None else lines
