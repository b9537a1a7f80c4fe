"""The project's own promises: small files, honest tests, a README that leads with two commands that work."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from tests.conftest import BY_HAND, TIERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
MODULES = sorted((ROOT / "runner").rglob("*.py"))
SOURCES = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def dotted(node: ast.AST) -> str:
    """`pytest.mark.skip` for that expression, "" for anything that is not a dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


class TestReadme:
    def commands(self) -> list[str]:
        return [block.strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]

    def test_first_two_commands_run_a_queue_and_the_tests(self) -> None:
        run, test = self.commands()[:2]
        assert run.startswith("python3 -m venv .venv && ")
        assert run.endswith(" && .venv/bin/runner run queues/hello.yaml")
        assert test.startswith("python3 -m venv .venv && ")
        assert test.endswith(" && .venv/bin/pytest -n auto")

    def test_they_stand_on_the_first_screen(self) -> None:
        first_screen = "\n".join(README.splitlines()[:24])
        assert all(command in first_screen for command in self.commands()[:2])

    def test_the_queue_they_run_exists(self) -> None:
        assert (ROOT / "queues" / "hello.yaml").is_file()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_version_is_said_once() -> None:
    assert PYPROJECT["project"]["version"] == runner.__version__


def test_changelog_begins_with_what_is_coming() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0].startswith(runner.__version__)


def test_licence_is_the_one_declared() -> None:
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_tier_is_a_marker_that_the_default_run_leaves_out_and_ci_runs() -> None:
    options = PYPROJECT["tool"]["pytest"]["ini_options"]
    assert {marker.split(":")[0] for marker in options["markers"]} == {*TIERS, BY_HAND}
    assert options["addopts"][-1] == " and ".join(f"not {tier}" for tier in (*TIERS, BY_HAND))
    assert f"for marker in {' '.join(TIERS)};" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_files_and_functions_stay_small(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= 350
    long = [
        f"{f.name}: {f.end_lineno - f.lineno + 1}" for f in functions(path) if f.end_lineno - f.lineno >= 60
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_public_modules_say_what_they_are_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{name(path)} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    words = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    assert words.findall(path.read_text()) == []


@pytest.mark.parametrize("path", [s for s in SOURCES if s.parts[-2] != "bench"], ids=name)
def test_no_test_sleeps_skips_or_patches_and_no_exception_is_swallowed(path: Path) -> None:
    found = {dotted(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert {d for d in found if d.endswith(("mock.patch", "mark.skip", "mark.skipif", "mark.xfail"))} == set()
    if path.is_relative_to(ROOT / "tests"):
        assert {
            d for d in found if d in {"time.sleep", "pytest.skip", "pytest.xfail", "pytest.importorskip"}
        } == set()
    silent = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or dotted(node.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert silent == []


HEAVY = ("boto3", "botocore", "github3", "jinja2", "jsonschema", "jsonschema_rs", "ruamel", "rich")


def loaded_by(statement: str) -> set[str]:
    """Which of HEAVY a fresh interpreter holds after `statement`."""
    code = f"import sys\n{statement}\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.split()
    )


def test_start_up_loads_nothing_heavy() -> None:
    assert loaded_by("import runner.cli") == set()


def test_the_measure_of_start_up_can_fail() -> None:
    assert "jinja2" in loaded_by("import jinja2")
