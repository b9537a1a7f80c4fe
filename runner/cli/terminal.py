"""What the terminal is like, and how problems are coloured on it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import click

from runner.units import format_size

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


_SMALL = 8 << 20


@contextlib.contextmanager
def progress(what: str, size: int) -> Iterator[Callable[[int], None]]:
    """Called with how many more bytes are done, from any thread: a bar, where a person looks at it.

    Not of what is done before it could be read.
    """
    if size < _SMALL or not is_terminal(sys.stderr):
        yield lambda _: None
        return
    lock = threading.Lock()
    with click.progressbar(length=size, label=f"runner: {what} {format_size(size)}", file=sys.stderr) as bar:

        def more(done: int) -> None:
            with lock:
                bar.update(done)

        yield more


def say(text: str) -> None:
    """A sentence for people, on standard error."""
    click.echo(text, file=sys.stderr)
