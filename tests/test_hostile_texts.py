"""Whatever somebody else wrote: where it ends up it is text, for every place that shows such text."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli.funnel import guarded
from runner.errors import RunnerError
from runner.gitops.context import Context
from runner.problems import Location, Problem, Severity
from runner.publish.refusal import refuse
from runner.report import problems_github, reply
from runner.report.comment_refused import refused_comment
from runner.report.escaping import code, fence
from runner.report.markers import Marker
from tests.forge_worlds import InFiles
from tests.github_markdown import assert_harmless
from tests.hostile_world import TEXTS, workflow_commands
from tests.publish.publishing import TARGET, clock_at_start

hostile = st.lists(
    st.one_of(
        st.sampled_from(TEXTS), st.text(max_size=12), st.sampled_from(["\n", "\r", "`", "::", "##", "["])
    ),
    min_size=1,
    max_size=6,
).map("".join)
texts = settings(max_examples=150, deadline=None)


@given(hostile, hostile)
@texts
def test_in_markdown(text: str, other: str) -> None:
    cell = f"| a | b |\n|---|---|\n| {code(text, cell=True)} | {code(other, cell=True)} |"
    assert_harmless(f"{code(text)} between {code(other)}\n\n{fence(text)}\n\n{cell}\n\n- {code(other)}\n")


@given(hostile, hostile)
@texts
def test_in_the_reply_to_a_command(message: str, hint: str) -> None:
    marker = Marker(kind="reply", subject="12", generation=2, claim="1.1.00000000")
    text = reply.reply(marker, reply.refusal(message, hint))
    assert_harmless(text)
    assert not any(line.startswith("/runner") for line in text.splitlines())


@given(hostile, hostile)
@texts
def test_in_the_comment_of_a_queue_that_is_not_started(sentence: str, detail: str) -> None:
    assert_harmless(refused_comment("q", f"why: {sentence}", [code(detail)]))


@given(hostile, hostile, st.sampled_from(Severity))
@texts
def test_in_annotations(message: str, name: str, severity: Severity) -> None:
    problem = Problem(
        rule="x",
        message=message,
        hint=name,
        severity=severity,
        location=Location(file=name, line=1, column=1),
    )
    told = problems_github.text([problem] * 12, 1)
    found = workflow_commands(told)
    assert len(found) == problems_github.LIMIT
    pattern = rf"::{severity.value} (file=[^:,]*,)?line=1,col=1,title=x::.*"
    assert [line for line in found if not re.fullmatch(pattern, line)] == []


@given(message=hostile, hint=hostile)
@settings(max_examples=60, deadline=None)
def test_in_the_message_of_an_error(message: str, hint: str) -> None:
    """Of a step: Actions reads what it says, and obeys some lines."""

    def fail() -> None:
        raise RunnerError(message, hint=hint)

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as said:
        patch.setenv("GITHUB_ACTIONS", "true")
        assert guarded(fail) == RunnerError("").exit_code
    assert said.getvalue()
    assert workflow_commands(said.getvalue()) == []


@given(st.lists(hostile, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_in_an_output_of_a_step(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    path = tmp_path_factory.mktemp("outputs") / "output"
    context = Context(
        event_name="push",
        event_path=Path("event"),
        repository="o/r",
        sha="0" * 40,
        ref="",
        checkout=Path(),
        environ={},
        output_path=path,
    )
    for number, value in enumerate(values):
        context.give(**{f"name_{'abc'[number]}": value})
    assert parsed(path.read_bytes().decode()) == {f"name-{'abc'[n]}": value for n, value in enumerate(values)}


def parsed(raw: str) -> dict[str, str]:
    """The outputs in such a file, as GitHub's own runner reads it: a name, a mark, lines until the mark."""
    found, at = {}, 0
    while at < len(raw):
        name, mark = raw[at : raw.index("\n", at)].split("<<")
        start = raw.index("\n", at) + 1
        end = raw.index(f"\n{mark}\n", start)
        found[name] = raw[start:end]
        at = end + len(mark) + 2
    return found


def test_in_a_refusal_on_a_forge(tmp_path: Path) -> None:
    world = InFiles(tmp_path / "forge", clock_at_start())
    for number, text in enumerate(TEXTS):
        refuse(world.forge, TARGET, f"q{number}", text, [code(text)])
    for comment in world.forge.comments(TARGET.pull):
        assert_harmless(comment.body)
    found = world.forge.statuses(TARGET.commit)
    assert len(found) == len(TEXTS)
    assert all(s.description.isprintable() and len(s.description) <= 140 for s in found)
