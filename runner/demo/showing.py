"""What a reader of the pull request sees, on a terminal: comments with their folds closed, and statuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from runner.demo.script import Scene
from runner.ports import Comment, Status

_FOLDED = re.compile(
    r"<details(?P<open> open)?><summary>(?P<title>.*?)</summary>(?P<inside>.*?)</details>", re.S
)
_CHART = re.compile(r"^```mermaid\n.*?^```$", re.S | re.M)
_STATES = {
    "success": ("✓", "green"),
    "failure": ("✗", "red"),
    "error": ("!", "yellow"),
    "pending": ("…", "cyan"),
}


def show(console: Console, scene: Scene) -> None:
    """A scene: what happened, the comments, the statuses."""
    console.rule(Text(scene.title, style="bold"), align="left")
    for comment in scene.comments:
        console.print(_comment(comment))
    if scene.statuses:
        console.print(_statuses(scene.statuses))
    console.print()


def _comment(comment: Comment) -> RenderableType:
    body = comment.body.partition("\n")[2]  # without the marker, which nobody sees
    return Panel(Group(*_parts(body.strip())), title=comment.author, title_align="left", border_style="dim")


def _parts(body: str) -> Iterator[RenderableType]:
    """Markdown, and folds: their titles, and what is in those that are open."""
    at = 0
    for fold in _FOLDED.finditer(body):
        yield from _text(body[at : fold.start()])
        yield Text(f"{'▾' if fold['open'] else '▸'} {fold['title']}", style="bold blue")
        if fold["open"]:
            yield from _text(fold["inside"])
        at = fold.end()
    yield from _text(body[at:])


def _text(markdown: str) -> Iterator[RenderableType]:
    plain = _CHART.sub("_(a chart of the graph)_", markdown).strip()
    if plain:
        yield Markdown(plain, code_theme="ansi_light")


def _statuses(statuses: Sequence[Status]) -> RenderableType:
    table = Table(show_header=False, box=None, padding=(0, 1))
    for status in statuses:
        mark, style = _STATES[status.state]
        table.add_row(Text(mark, style=style), Text(status.context, style="bold"), Text(status.description))
    return table
