"""What the terminal is like, and how problems are coloured on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

import click

_STYLE = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "mark": {"fg": "green", "bold": True},
    "hint": {"fg": "cyan"},
}


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at it: CI systems are none, whatever their output is connected to."""
    if stream is None or stream.closed:
        return False
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def painter(stream: TextIO) -> Callable[[str, str], str]:
    """Colours a part of a text for `stream`; leaves it alone where colour is not wanted (`NO_COLOR`)."""
    if not is_terminal(stream) or os.environ.get("NO_COLOR"):
        return lambda text, _: text
    return lambda text, kind: click.style(text, **_STYLE.get(kind, {}))  # type: ignore[arg-type]


def in_actions() -> bool:
    """Whether GitHub Actions reads our output, and would obey commands in it."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def say(text: str) -> None:
    """A sentence for people, on standard error."""
    click.echo(text, file=sys.stderr)
