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
    beside = re.findall(r"^ +beside (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    runs = [one.strip() for one in re.findall(r"([a-z ]+)/[0-9]", " ".join(beside))]
    assert sorted(" or ".join(runs).split(" or ")) == sorted(TIERS)


LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
UNWANTED = ("mock.patch", "mark.skip", "mark.skipif", "mark.xfail")
UNWANTED_IN_TESTS = {"time.sleep", "pytest.skip", "pytest.xfail", "pytest.importorskip"}


def test_every_file_keeps_the_rules_of_the_house() -> None:
    """In one test: one for each file and rule would take longer than what they look at."""
    assert [f"{name(path)}: {broken}" for path in SOURCES for broken in rules_broken(path)] == []


def rules_broken(path: Path) -> Iterator[str]:
    text = path.read_text()
    nodes = list(ast.walk(ast.parse(text, filename=str(path))))
    yield from (f"{word} is left for later" for word in LATER.findall(text))
    if path.is_relative_to(ROOT / "runner"):
        yield from too_large(text, nodes)
        if not ast.get_docstring(nodes[0]):  # type: ignore[arg-type]  # a module comes first
            yield "it does not say what it is for"
    if path.parent.name != "bench":
        yield from dishonest(nodes, is_test=path.is_relative_to(ROOT / "tests"))


def too_large(text: str, nodes: list[ast.AST]) -> Iterator[str]:
    if text.count("\n") > 350:
        yield f"it has {text.count(chr(10))} lines"
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > 60:
                yield f"{node.name} has {lines} lines"


def dishonest(nodes: list[ast.AST], *, is_test: bool) -> Iterator[str]:
    """Tests that patch, skip or sleep; exceptions of any kind that are swallowed."""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            said = dotted(node)
            if said.endswith(UNWANTED) or (is_test and said in UNWANTED_IN_TESTS):
                yield f"line {node.lineno} says {said}"
        elif isinstance(node, ast.ExceptHandler):
            all_kinds = node.type is None or dotted(node.type) in {"Exception", "BaseException"}
            if all_kinds and all(isinstance(statement, ast.Pass) for statement in node.body):
                yield f"line {node.lineno} swallows every exception"


def test_the_rules_can_be_broken() -> None:
    lines = ["import time", "time.sleep(1)", "try:", "    pass", "except Exception:", "    pass"]
    made = ast.parse("\n".join(lines))
    found = list(dishonest(list(ast.walk(made)), is_test=True))
    assert sorted(found) == ["line 2 says time.sleep", "line 5 swallows every exception"]
    long = "def f():\n" + "    x = 1\n" * 400
    assert list(too_large(long, list(ast.walk(ast.parse(long))))) == ["it has 401 lines", "f has 401 lines"]


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
