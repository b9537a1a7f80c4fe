"""The example queues as files: valid, true to the documented patterns, in need of nothing special."""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path

import pytest

from runner.model import Git, Queue
from runner.plan import analyse
from runner.plan.words import attempts_text
from runner.prepare import prepare
from tests.example_runs import QUEUES

SEED = sorted((Path(__file__).parent / "examples" / "seed").glob("*.json"))
PATTERNS = [path.stem for path in SEED]


def loaded(path: Path) -> Queue:
    """The queue in a file, which must have no problem that is an error."""
    git = Git(sha="0" * 40, branch="main")
    made = prepare(
        str(path), checkout=QUEUES.parent, environ={"HOME": "/"}, git=git, now="2026-11-22T18:04:05Z"
    )
    assert not made.has_errors, made.problems
    assert made.queue is not None
    return made.queue


def test_there_are_ten_patterns() -> None:
    assert len(PATTERNS) == 10
    assert sorted(path.stem for path in (QUEUES / "examples").glob("*.yaml")) == PATTERNS


@pytest.mark.parametrize("path", SEED, ids=PATTERNS)
def test_the_documented_files_are_valid_as_they_are(path: Path) -> None:
    assert loaded(path).queue_id == path.stem


@pytest.mark.parametrize("path", SEED, ids=PATTERNS)
def test_each_example_is_its_documented_pattern(path: Path) -> None:
    """The same jobs, dependencies, timeouts, retries, handlers: only the commands are small and local."""
    documented, example = loaded(path), loaded(QUEUES / "examples" / f"{path.stem}.yaml")
    for theirs, ours in zip(documented.jobs, example.jobs, strict=True):
        for name in ("job_id", "depends_on", "timeout", "always_run", "on_failure"):
            assert getattr(ours, name) == getattr(theirs, name), f"{theirs.job_id}: {name}"
        assert theirs.environment.items() <= ours.environment.items()
        if not theirs.job_id.startswith("notify"):  # the example tries a notification again
            assert attempts_text(ours.retry) == attempts_text(theirs.retry)


@pytest.mark.parametrize(
    "path", [QUEUES / "hello.yaml", *sorted((QUEUES / "examples").glob("*.yaml"))], ids=str
)
def test_editors_find_the_schema(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert schema != first
    assert (path.parent / schema).resolve() == (QUEUES.parent / "schemas" / "queue.schema.json").resolve()


def test_retry_strategies_as_planned() -> None:
    queue = loaded(QUEUES / "examples" / "retry-strategies.yaml")
    assert [attempts_text(job.retry) for job in queue.jobs] == [
        "6 attempts, waits 1s 2s 4s 8s 16s",
        "2 attempts, waits 1s",
        "11 attempts, waits 30s × 10",
    ]
    assert [about.attempts for about in analyse(queue).jobs] == [6, 2, 11]


def test_the_examples_need_only_what_a_bare_machine_has() -> None:
    """Scripts import nothing that does not come with Python."""
    for path in sorted((QUEUES / "examples" / "scripts").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= sys.stdlib_module_names
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] in sys.stdlib_module_names
    assert shutil.which("python3")
