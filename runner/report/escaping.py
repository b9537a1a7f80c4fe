"""Text from a file or a job, made harmless inside Markdown.

Inside code nothing is a mention, a link, HTML or an emphasis, so foreign text always stands in a code span
or a fence, each longer than any run of backticks in it.
"""

from __future__ import annotations

import re

from runner.report import clean

_TICKS = re.compile(r"`+")
_MANY_TICKS = re.compile(r"`{40}(?=`)")
"""GitHub's parser opens no code span with more than 80 backticks, and counts those of a fence up to 255 only:
what stood behind longer runs would be Markdown again.
"""
_COMMAND = re.compile(r"(?m)^(\s*):(?=:)|##(?=\[)")
"""What a log of GitHub Actions takes for a command, and a report may be printed into one."""


def visible(text: str, *, keep: str = "") -> str:
    """Every character that cannot be seen as a `�`, line ends as blanks but for those in `keep`.

    `clean.line` leaves such characters out, which is right for a log; in what somebody is asked to approve
    nothing may be left out.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep else clean.line(c) or "�" for c in text)


def disarmed(text: str) -> str:
    """Without workflow commands: `: :error::`, `# #[error]`."""
    if ":" not in text and "[" not in text:
        return text
    return _COMMAND.sub(lambda match: "# #" if match[1] is None else f"{match[1]}: ", text)


def code(text: str, *, limit: int = 200, cell: bool = False) -> str:
    """A code span of one line, at most `limit` characters of it. `cell`: in a table, where `|` ends it."""
    shown = _parted(disarmed(visible(text if len(text) <= limit else text[: limit - 1] + "…")))
    if not shown.strip():
        return ""
    if cell:
        # A table is split into cells before code is looked for, so this holds inside code too.
        shown = shown.replace("|", "\\|")
    ticks = "`" * (_longest_run(shown) + 1)
    edge = " " if len(ticks) > 1 or shown != shown.strip() else ""
    return f"{ticks}{edge}{shown}{edge}{ticks}"


def fence(text: str, language: str = "") -> str:
    """A fenced block that nothing in `text` can close."""
    shown = _parted(disarmed(visible(text, keep="\n\t"))).rstrip("\n")
    ticks = "`" * max(3, _longest_run(shown) + 1)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def _parted(text: str) -> str:
    """No run of backticks is longer than a parser counts."""
    return _MANY_TICKS.sub(lambda match: f"{match[0]} ", text) if "`" * 41 in text else text


def _longest_run(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)
