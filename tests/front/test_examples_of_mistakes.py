"""Every file below examples/invalid has the problems that stand beside it, and ends in them quickly.

Adding a case is adding a file; with SNAPSHOT_UPDATE=1 this test writes the text beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.model import Git
from runner.prepare import Prepared, prepare
from runner.problems import Severity

EXAMPLES = Path(__file__).parents[1] / "examples"
ENDINGS = (".yaml", ".json")
INVALID = sorted(p for p in (EXAMPLES / "invalid").rglob("*") if p.suffix in ENDINGS)
WARNINGS = sorted(p for p in (EXAMPLES / "warnings").rglob("*") if p.suffix in ENDINGS)


def prepared(path: Path) -> Prepared:
    return prepare(
        str(path),
        checkout=EXAMPLES,
        environ={"HOME": "/home/someone", "TOKEN": "x"},
        git=Git(sha="0" * 40, branch="main"),
        now="2026-11-22T18:00:00Z",
    )


def text(found: Prepared) -> str:
    """What is said, one problem a line: each with a place, short and printable."""
    lines = []
    for p in found.problems:
        assert p.location is not None
        assert (p.message + p.hint).isprintable()
        assert max(len(p.message), len(p.hint)) < 300
        place = f"{p.location.line}:{p.location.column}" if p.location.line else "file"
        inside = "" if "examples/" in p.location.file else f"{p.location.file} "
        lines.append(
            f"{inside}{place} {p.severity} {p.rule}: {p.message}" + (f" ({p.hint})" if p.hint else "")
        )
    return "\n".join(lines) + "\n"


def assert_beside(path: Path, found: str) -> None:
    expected = path.with_name(path.name + ".txt")
    if os.environ.get("SNAPSHOT_UPDATE"):
        expected.write_text(found, encoding="utf-8")
    assert expected.exists(), f"there is no {expected}; the file gives:\n{found}"
    assert found == expected.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


@pytest.mark.parametrize("path", INVALID, ids=name)
def test_invalid(path: Path) -> None:
    found = prepared(path)
    assert found.has_errors
    assert found.queue is None
    assert_beside(path, text(found))


@pytest.mark.parametrize("path", WARNINGS, ids=name)
def test_warnings(path: Path) -> None:
    found = prepared(path)
    assert found.problems
    assert all(problem.severity is Severity.WARNING for problem in found.problems)
    assert_beside(path, text(found))


def test_there_are_very_many() -> None:
    assert len(INVALID) > 300


def test_every_expected_text_belongs_to_a_file() -> None:
    texts = {path for kind in ("invalid", "warnings") for path in (EXAMPLES / kind).rglob("*.txt")}
    assert texts == {path.with_name(path.name + ".txt") for path in INVALID + WARNINGS}
