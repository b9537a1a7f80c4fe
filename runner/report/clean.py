"""Text from a job or a file, made fit to be shown: no control, escape, invisible or reordering characters.

What is left cannot move the cursor, hide text, change its direction or end a line early. Letters, marks and
emoji of every script stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # strings with an end: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]?"  # all other escapes
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def line(text: str, limit: int = 0) -> str:
    """`text` as one clean line, at most `limit` characters long (0: as long as it is)."""
    # Cut first: a line may be a megabyte, and what is cut off need not be cleaned.
    head = text[: 8 * limit + 64] if limit else text
    if not (head.isascii() and head.isprintable()):
        head = _INVISIBLE.sub("", _ESCAPES.sub("", head))
        head = "".join(_shown(c) for c in head)
    if limit and (len(head) > limit or len(text) > 8 * limit + 64):
        return head[: limit - 1] + "…"
    return head


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() else "�" if "\ud800" <= char <= "\udfff" else ""


def lines(text: str, limit: int = 0) -> list[str]:
    """The lines of `text`, clean. Of a line that was drawn over (progress bars) the last state is shown."""
    return [line(_drawn(raw), limit) for raw in text.split("\n")]


def _drawn(raw: str) -> str:
    return raw.rstrip("\r").rpartition("\r")[2] if "\r" in raw else raw


def last_lines(raw: bytes, count: int, limit: int = 400) -> tuple[str, ...]:
    """The last `count` lines of a log, clean; bytes that are not UTF-8 show as replacement characters."""
    text = raw.decode("utf-8", errors="replace").rstrip()
    return tuple(lines(text, limit)[-count:]) if text else ()


def block(texts: Iterable[str]) -> str:
    """Lines as one text that ends with a newline, or nothing at all."""
    return "".join(f"{text}\n" for text in texts)
