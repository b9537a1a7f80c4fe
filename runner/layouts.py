"""The Jinja templates of comments: they place texts that are ready, and decide nothing.

Nothing is escaped here, since HTML's escapes are not Markdown's: every value is our own word, or foreign
text that `report.escaping` has made harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from runner import resources


def render(name: str, values: Mapping[str, Any]) -> str:
    """`templates/comments/NAME.md.j2` with these values; a value that it misses is an error (a bug)."""
    return _template(name)(values)


@cache
def _template(name: str) -> Callable[[Mapping[str, Any]], str]:
    import jinja2  # noqa: PLC0415  38 ms that only comments are worth

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = resources.path("templates", f"comments/{name}.md.j2").read_text(encoding="utf-8")
    return environment.from_string(text).render
