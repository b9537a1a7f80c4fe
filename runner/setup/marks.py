"""The first line of a file that `init` wrote: by it a later `init` sees whether somebody changed the file.

    # Written by `runner init` 0.1.0; sha256 of the lines below: 3f5a…

Line ends don't count: git may turn them round on the way to another machine.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_MARK = re.compile(
    r"# Written by `runner init` (?P<version>[\w.+-]{1,40}); "
    r"sha256 of the lines below: (?P<digest>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    version: str
    untouched: bool


def marked(text: str, version: str) -> str:
    """`text` below a mark."""
    return f"# Written by `runner init` {version}; sha256 of the lines below: {_digest(text)}\n{text}"


def read(text: str) -> Mark | None:
    """The mark of a file; None where it has none that we would write."""
    first, _, rest = unix(text).partition("\n")
    match = _MARK.fullmatch(first)
    if match is None:
        return None
    return Mark(version=match["version"], untouched=_digest(rest) == match["digest"])


def unix(text: str) -> str:
    """The text with the line ends of Unix."""
    return text.replace("\r\n", "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
