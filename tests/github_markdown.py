"""Markdown as GitHub reads it: what is live in a text, found with GitHub's own parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

from runner.report import clean, markers
from runner.report.budget import LIMIT

VOID = {"br", "hr"}
OURS = {
    *("h1", "h2", "h3", "p", "strong", "em", "ul", "li", "code", "pre", "a"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "br"),
}
LIVE = re.compile(
    r"@[\w-]"  # mentions of people and teams
    r"|(?i:https?:|ftp:|www\.|mailto:|javascript:)"
    r"|#\d|\b[Gg][Hh]-\d"  # issues, also REPO#1
    r"|\b(?=[0-9a-f]*[0-9])[0-9a-f]{7,40}\b"  # commits
    r"|\$|:[a-z_]+:"  # mathematics, emoji by name
)
COMMAND = re.compile(r"(?m)^\s*::|##\[")


@dataclass
class Page(HTMLParser):
    """What a browser would show: tags, links, and the text outside and inside of code."""

    tags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    outside: str = ""
    inside: str = ""
    mermaid: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._chart = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._check(tag, dict(attrs))
        if tag not in VOID:
            self._open.append(tag)

    def _check(self, tag: str, attributes: dict[str, str | None]) -> None:
        known = {"a": {"href"}, "details": {"open"}, "pre": {"lang"}, "th": {"align"}, "td": {"align"}}
        if tag not in OURS or not set(attributes) <= known.get(tag, set()):
            self.wrong.append(f"<{tag} {attributes}>")
        if tag == "a":
            self.links.append(attributes.get("href") or "")
        if tag == "pre":
            self._chart = attributes.get("lang") == "mermaid"
            self.mermaid += [""] if self._chart else []

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "code" in self._open or "pre" in self._open:
            self.inside += data
            if self._chart and "pre" in self._open:
                self.mermaid[-1] += data
        else:
            self.outside += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def close(self) -> None:
        super().close()
        self.wrong += [f"<{tag}> is never closed" for tag in self._open]


def page(text: str) -> Page:
    """Raw HTML is let through, so that what GitHub would have to remove is seen."""
    made = Page()
    made.feed(cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE))
    made.close()
    return made


def assert_harmless(text: str, *, links: str = "https://forge.test/") -> Page:
    """Within the limits, balanced, and live nowhere but in links that we made."""
    assert len(text) <= LIMIT
    assert len(text.encode("utf-16-le")) // 2 <= LIMIT
    assert len(text.encode()) < 250_000
    found = page(text)
    assert found.wrong == []
    assert [link for link in found.links if not link.startswith(links)] == []
    assert LIVE.findall(found.outside) == []
    assert COMMAND.findall(text) == []
    assert [c for c in text if c not in "\n\t" and clean.line(c) != c] == []
    if found.comments:
        assert len(found.comments) == 1
        assert text.startswith(f"<!--{found.comments[0]}-->\n")
        assert markers.parse(text) is not None
    return found
