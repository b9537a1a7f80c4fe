"""A queue that is not started: statuses and one comment, which the live comment of a later run replaces."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from runner.publish.refusal import is_refusal, refuse
from runner.report.comment_refused import Compared, compared_lines, refused_comment
from runner.report.markers import parse
from tests.builders import failed_log
from tests.forge_worlds import HEAD, MERGE, ForgeWorld
from tests.publish.publishing import REPORT, TARGET, Playing, followed
from tests.snapshots import assert_snapshot

SENTENCE = "the plan is not the one that was reviewed"
STATUS = ("runner/demo", "error", f"Not started: {SENTENCE}")
COMPARED = Compared(shown="sha256:" + "ab" * 32, head=HEAD, now="sha256:" + "cd" * 32, commit=MERGE)
LINES = compared_lines(COMPARED)
COMMAND = f"/runner run {COMPARED.now}"


def states(world: ForgeWorld, commit: str) -> list[tuple[str, str, str]]:
    return [(s.context, s.state, s.description) for s in world.forge.statuses(commit)]


def test_text() -> None:
    assert_snapshot("comments/refused.md", refused_comment("demo", SENTENCE, LINES, COMMAND))


def test_where_no_plan_was_shown() -> None:
    told = compared_lines(dataclasses.replace(COMPARED, shown="", now=""))
    assert told[0] == f"Shown in the pull request: no plan of commit `{HEAD[:12]}`"
    assert told[1] == f"Merged: no plan of commit `{MERGE[:12]}`"


def test_it_is_said_once_on_the_commits_and_in_the_conversation(world: ForgeWorld) -> None:
    for _ in range(3):
        assert refuse(world.forge, TARGET, "demo", SENTENCE, LINES, command=COMMAND)
    assert states(world, MERGE) == states(world, HEAD) == [STATUS]
    assert world.forge.statuses(MERGE)[0].target == REPORT
    assert is_refusal(world.forge.statuses(MERGE)[0])
    (comment,) = world.forge.comments(7)
    assert comment.body.strip() == refused_comment("demo", SENTENCE, LINES, COMMAND).strip()


def test_other_words_replace_it(world: ForgeWorld) -> None:
    refuse(world.forge, TARGET, "demo", SENTENCE)
    refuse(world.forge, TARGET, "demo", "no plan was reviewed " * 20)
    (comment,) = world.forge.comments(7)
    assert "no plan was reviewed" in comment.body
    assert len(states(world, HEAD)[0][2]) == 140


def test_the_live_comment_of_a_run_takes_its_place(world: ForgeWorld, tmp_path: Path) -> None:
    refuse(world.forge, TARGET, "demo", SENTENCE, LINES)
    (refusal,) = world.forge.comments(7)
    (result,) = followed(Playing(failed_log(), world.clock, tmp_path / "run"), world.forge)
    assert result.published
    live, _final = world.forge.comments(7)
    assert live.id == refusal.id
    assert SENTENCE not in live.body
    assert not any(is_refusal(status) for status in world.forge.statuses(MERGE))


def test_never_in_place_of_a_run(world: ForgeWorld, tmp_path: Path) -> None:
    followed(Playing(failed_log(), world.clock, tmp_path / "run"), world.forge)
    before = states(world, MERGE), [c.body for c in world.forge.comments(7)]
    assert not refuse(world.forge, TARGET, "demo", SENTENCE, LINES)
    assert (states(world, MERGE), [c.body for c in world.forge.comments(7)]) == before


def test_each_queue_has_its_own(world: ForgeWorld) -> None:
    refuse(world.forge, TARGET, "demo", SENTENCE)
    refuse(world.forge, TARGET, "plan", SENTENCE)
    assert [context for context, _, _ in states(world, MERGE)] == ["runner/plan.queue", "runner/demo"]
    markers = [parse(comment.body) for comment in world.forge.comments(7)]
    assert [marker.subject for marker in markers if marker] == ["demo", "plan"]


def test_a_locked_conversation_has_statuses(world: ForgeWorld) -> None:
    world.lock()
    assert refuse(world.forge, TARGET, "demo", SENTENCE)
    assert states(world, MERGE) == [STATUS]


def test_without_a_pull_request(world: ForgeWorld) -> None:
    assert refuse(world.forge, dataclasses.replace(TARGET, pull=0, head=""), "demo", SENTENCE)
    assert states(world, MERGE) == [STATUS]
    assert states(world, HEAD) == []
