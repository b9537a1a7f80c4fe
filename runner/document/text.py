"""bytes → text: UTF-8, and a sentence for everything else."""

from __future__ import annotations

import re

from runner.document.limits import MAX_BYTES, Flaw, Refused

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decode(raw: bytes) -> str:
    """The text without its byte order mark. Raises Refused where it is too large or not text."""
    if len(raw) > MAX_BYTES:
        size = f"{len(raw) / 1048576:.1f} MiB"
        raise Refused(Flaw("too-large", f"the file is {size}, and 10 MiB is the most that is read", _SPLIT))
    if raw.startswith(_UTF16) or (len(raw) > 1 and 0 in raw[:2]):
        raise Refused(Flaw("encoding", "the file is UTF-16 or UTF-32, not UTF-8", "save it as UTF-8"))
    try:
        content = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(errors="replace")
        message = f"byte {raw[error.start]:#04x} is not UTF-8"
        raise Refused(Flaw("encoding", message, "save the file as UTF-8", *position(before))) from None
    if "\0" in content:
        before = content[: content.index("\0")]
        raise Refused(Flaw("encoding", "the file holds a NUL byte", _BINARY, *position(before)))
    return content.removeprefix("\ufeff")


def position(before: str) -> tuple[int, int]:
    """Line and column, both from 1, of what follows `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def control_character(content: str) -> Flaw | None:
    """The first character that YAML does not allow, if there is one."""
    match = _CONTROL.search(content)
    if match is None:
        return None
    message = f"the control character U+{ord(match[0]):04X} is not allowed"
    hint = 'delete it, or write it as an escape in "double quotes"'
    return Flaw("encoding", message, hint, *position(content[: match.start()]))


_SPLIT = "split the work into several queues, or let a job read its inputs from a file"
_BINARY = "is this a text file? Delete the byte"
