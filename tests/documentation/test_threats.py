"""The threat model names tests that exist, and leads to places that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.findall(r"`((?:\w+/)*test_\w+\.py)(?:::(test_\w+))?`", PAGE)


def defined(file: str) -> set[str]:
    return set(re.findall(r"^\s*def (test_\w+)\(", (ROOT / "tests" / file).read_text(), re.MULTILINE))


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 40
    assert [(file, name) for file, name in NAMED if name and name not in defined(file)] == []
    assert [file for file, name in NAMED if not name and not defined(file)] == []


def test_every_attack_has_a_test() -> None:
    rows = re.findall(
        r"^\| (?!attack|who|---)(.*) \| (.*) \|$", PAGE.partition("## What is defended")[2], re.MULTILINE
    )
    assert len(rows) > 20
    assert [
        what for what, shown in rows if not re.search(r"`(\w+/)*test_", shown) and not what.startswith("-")
    ] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    headings = {_anchor(line) for line in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)}
    assert links
    for link in links:
        place, _, anchor = link.partition("#")
        assert (ROOT / "docs" / place).exists() if place else anchor in headings, link


def test_the_architecture_leads_to_it() -> None:
    assert "threat-model.md" in (ROOT / "docs" / "architecture.md").read_text()


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
